import type { AssetType, PresignedAsset } from './api.ts'
import { refused, withJob } from './error.ts'
import { type Follower, hasEnded } from './follower.ts'
import { sendForm } from './form-upload.ts'
import type { Http } from './http.ts'
import { type Platform, type Source, sourceOf, unreadable } from './platform.ts'

export interface Progress {
  /** `sending`: bytes are on their way; `processing`: Airlock has all of them and inspects them. */
  readonly stage: 'sending' | 'processing'
  readonly sentBytes: number
  readonly totalBytes: number
}

export interface UploadOptions {
  readonly assetType: AssetType
  /** Required for `generated_video`. */
  readonly projectId?: string | undefined
  /** Required for `lora_training`. */
  readonly brandId?: string | undefined
  /** At most 4 KiB of JSON, returned unchanged with the asset. */
  readonly metadata?: Readonly<Record<string, string | number | boolean>> | undefined
  /** The name of a Blob, which has none; or another name for a file. */
  readonly filename?: string | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
  /** Aborts the upload; if it was already accepted, it is cancelled. */
  readonly signal?: AbortSignal | undefined
  /** By default a random one for each call. With your own, an upload that is called again becomes one asset only, even after a restart. */
  readonly idempotencyKey?: string | undefined
}

export interface UploadDeps {
  readonly http: Http
  readonly follower: Follower
  readonly platform: Platform
}

/** How long an aborted upload waits for its cancellation, in ms. */
const cancelMs = 5000

/**
 * Uploads one file, and follows its job to the verdict.
 *
 * @param file a `File`, a `Blob` with the option `filename`, or in Node a path
 * @returns the asset
 * @throws AirlockError if the file has not become an asset, or it is not known whether it has; with `jobId` if it had been accepted
 */
export async function upload(
  file: Blob | string,
  options: UploadOptions,
  { http, follower, platform }: UploadDeps,
): Promise<PresignedAsset> {
  const { signal, onProgress = () => {} } = options
  const source = typeof file === 'string' ? await opened(file, options.filename, platform) : sourceOf(file, options.filename)
  const totalBytes = source.size
  let jobId: string | undefined
  try {
    onProgress({ stage: 'sending', sentBytes: 0, totalBytes })
    jobId = await sendForm(http, source, options, (sentBytes) => onProgress({ stage: 'sending', sentBytes, totalBytes }))
    onProgress({ stage: 'processing', sentBytes: totalBytes, totalBytes })
    for await (const job of follower.follow([jobId], signal)) {
      if (!hasEnded(job)) continue
      if (job.status === 'completed' && job.asset_id !== null)
        return (await http.json<PresignedAsset>(`/api/assets/${job.asset_id}`, { signal })).body
      throw refused(job.error ?? { code: job.status, detail: `The upload of '${source.name}' is ${job.status}.` })
    }
    throw new Error('a job was followed, but not to its end')
  } catch (error) {
    if (jobId === undefined) throw error
    if (signal?.aborted) await cancel(http, jobId)
    throw withJob(error, jobId)
  } finally {
    await source.close()
  }
}

async function opened(path: string, filename: string | undefined, platform: Platform): Promise<Source> {
  const source = await platform.openPath(path).catch((cause) => {
    throw unreadable(path, cause)
  })
  return filename === undefined ? source : { ...source, name: filename }
}

/** If it fails, the upload goes on. The error that the caller gets has its id. */
async function cancel(http: Http, jobId: string): Promise<void> {
  const signal = AbortSignal.timeout(cancelMs)
  await http.json(`/api/jobs/${jobId}`, { method: 'DELETE', signal }).catch(() => {})
}
