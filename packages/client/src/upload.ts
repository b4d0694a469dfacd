import type { PresignedAsset } from './api.ts'
import { DirectUpload } from './direct-upload.ts'
import { AirlockError, refused, withJob } from './error.ts'
import { type Follower, hasEnded } from './follower.ts'
import { sendForm } from './form-upload.ts'
import type { Http } from './http.ts'
import { type Platform, type Source, sourceOf, unreadable } from './platform.ts'
import type { UploadOptions } from './upload-options.ts'

export interface UploadDeps {
  readonly http: Http
  readonly follower: Follower
  readonly platform: Platform
  /** Keys of the direct uploads that this client is sending: another one of the same file begins anew. */
  readonly running: Set<string>
}

/** Larger files go straight to the bucket, where a part that fails is repeated alone. */
const largestForm = 16 * 2 ** 20

/** How long an aborted upload waits for its cancellation, in ms. */
const cancelMs = 5000

/**
 * Uploads one file, and follows its job to the verdict.
 *
 * @param file a `File`, a `Blob` with the option `filename`, or in Node a path
 * @returns the asset
 * @throws AirlockError if the file has not become an asset, or it is not known whether it has; with `jobId` if it had been accepted
 */
export async function upload(file: Blob | string, options: UploadOptions, deps: UploadDeps): Promise<PresignedAsset> {
  const { platform } = deps
  const source = typeof file === 'string' ? await opened(file, options.filename, platform) : sourceOf(file, options.filename)
  const totalBytes = source.size
  const { onProgress = () => {}, door = 'auto' } = options
  const onSent = (sentBytes: number) => onProgress({ stage: 'sending', sentBytes, totalBytes })
  const onAccepted = (jobId: string) => onProgress({ stage: 'processing', sentBytes: totalBytes, totalBytes, jobId })
  try {
    onSent(0)
    const isDirect = door === 'direct' || (door === 'auto' && totalBytes > largestForm)
    const direct = isDirect ? await sendDirect(source, options, deps, onSent, onAccepted) : null
    return direct ?? (await sendAsForm(source, options, deps, onSent, onAccepted))
  } finally {
    await source.close()
  }
}

async function sendAsForm(
  source: Source,
  options: UploadOptions,
  deps: UploadDeps,
  onSent: (bytes: number) => void,
  onAccepted: (jobId: string) => void,
): Promise<PresignedAsset> {
  const jobId = await sendForm(deps.http, source, options, onSent)
  onAccepted(jobId)
  return assetOf(jobId, source, options.signal, deps)
}

/** @returns null if the gateway has no direct door, and the caller has not asked for it */
async function sendDirect(
  source: Source,
  options: UploadOptions,
  deps: UploadDeps,
  onSent: (bytes: number) => void,
  onAccepted: (jobId: string) => void,
): Promise<PresignedAsset | null> {
  const { running, platform } = deps
  const key = await keyOf(source, options, deps)
  const ended = new AbortController()
  const hashing = platform.hash(source, ended.signal).catch(() => null)
  const direct = new DirectUpload(source, options, deps, key, onSent)
  try {
    const jobId = await direct.send()
    onAccepted(jobId)
    const asset = await assetOf(jobId, source, options.signal, deps)
    await mustBeFile(asset, await hashing, jobId, deps)
    await direct.forget()
    return asset
  } catch (error) {
    await direct.fail(error)
    if (options.door !== 'direct' && error instanceof AirlockError && error.code === 'route_not_found') return null
    throw error
  } finally {
    ended.abort()
    if (key !== null) running.delete(key)
  }
}

/** The identity of a file of a user, so that a later run continues its upload; null if it has none, or the same file is being sent. */
async function keyOf(source: Source, options: UploadOptions, { http, platform, running }: UploadDeps): Promise<string | null> {
  const { assetType, projectId, brandId, metadata } = options
  const { name, size, lastModified } = source
  const user = platform.memory && lastModified > 0 ? await http.subject() : null
  if (user === null) return null
  const key = JSON.stringify([http.base, user, assetType, projectId, brandId, metadata, name, size, lastModified])
  if (running.has(key)) return null
  running.add(key)
  return key
}

/**
 * Compares the asset with the file. They differ if the file changed while it was sent, or between two runs; then the asset is not a file of the caller.
 *
 * @param hash null if the file could not be read to its end: it has changed
 * @throws AirlockError `digest_mismatch`, after the asset has been deleted
 */
async function mustBeFile(asset: PresignedAsset, hash: string | null, jobId: string, { http }: UploadDeps): Promise<void> {
  if (asset.content_hash === null || asset.content_hash === hash) return
  await http.json(`/api/assets/${asset.asset_id}`, { method: 'DELETE' }).catch(() => {})
  const detail = `File '${asset.original_filename}' has changed while it was sent. Its upload was removed.`
  throw new AirlockError({ code: 'digest_mismatch', detail, jobId })
}

/** Follows the job of an accepted file. If the caller aborts, it is cancelled. */
async function assetOf(jobId: string, source: Source, signal: AbortSignal | undefined, deps: UploadDeps): Promise<PresignedAsset> {
  const { http, follower } = deps
  try {
    for await (const job of follower.follow([jobId], signal)) {
      if (!hasEnded(job)) continue
      if (job.status === 'completed' && job.asset_id !== null)
        return (await http.json<PresignedAsset>(`/api/assets/${job.asset_id}`, { signal })).body
      throw refused(job.error ?? { code: job.status, detail: `The upload of '${source.name}' is ${job.status}.` })
    }
    throw new Error('a job was followed, but not to its end')
  } catch (error) {
    if (signal?.aborted) await cancel(http, jobId)
    throw withJob(error, jobId)
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
