import { Semaphore } from '@airlock/async'
import { UploadPartCopyCommand } from '@aws-sdk/client-s3'
import type { CopyOptions, ObjectAddress } from '../object-store.ts'
import { StoreUnavailable } from '../store-errors.ts'
import { MultipartUpload } from './multipart-upload.ts'
import { confirmed, copySource, s3AddressOf } from './objects.ts'
import type { StoreDeps } from './store-deps.ts'
import type { WriteHeaders } from './write-headers.ts'
import { completedPart } from './write-object.ts'

export interface CopyInParts extends Pick<CopyOptions, 'ifEtag' | 'sizeBytes' | 'signal'> {
  from: ObjectAddress
  to: string
  written: WriteHeaders
}

/** How often one part is retried after a timeout, or after a wrong 404 or 412; the SDK retries other failures. */
const partRetries = 4

/**
 * Copies within the store, in parallel parts. A part that times out is retried while the completed ones are kept, and the process then copies
 * fewer parts at once: a store that serves many slowly may serve a few in time.
 *
 * @throws the first error of a part, after all calls have ended and the multipart upload was aborted
 */
export async function copyInParts(deps: StoreDeps, copy: CopyInParts): Promise<void> {
  const stop = new AbortController()
  const onAbort = () => stop.abort(copy.signal?.reason)
  copy.signal?.addEventListener('abort', onAbort, { once: true })
  try {
    const upload = await MultipartUpload.begin(deps, copy.to, { headers: copy.written, checksummed: false })
    try {
      await copyParts(deps, copy, upload, stop)
      await upload.complete(stop.signal)
    } catch (error) {
      await abortOrReport(deps, copy.to, upload)
      throw error
    }
  } finally {
    copy.signal?.removeEventListener('abort', onAbort)
  }
}

async function copyParts(deps: StoreDeps, copy: CopyInParts, upload: MultipartUpload, stop: AbortController): Promise<void> {
  const permits = new Semaphore(deps.tuning.copyPartsInFlight)
  const parts = partsOf(copy.sizeBytes, deps.tuning.copyPartBytes).map(async (range, index) => {
    const done = await permits.take()
    try {
      const part = { uploadId: upload.id, number: index + 1, range, signal: stop.signal }
      upload.add(await withPartRetries(deps, copy, stop.signal, () => copyPart(deps, copy, part)))
    } catch (error) {
      stop.abort(error)
    } finally {
      done()
    }
  })
  await Promise.all(parts)
  stop.signal.throwIfAborted()
}

interface Part {
  uploadId: string
  number: number
  range: string
  signal: AbortSignal
}

/**
 * Does the work of one part of a copy, and repeats it up to four times if it took too long or the store returned a wrong 404 or 412. After a part that
 * took too long, all copies of the process have fewer parts in flight.
 *
 * @throws StoreError  the error of the last attempt
 */
export async function withPartRetries<T>(
  deps: StoreDeps,
  { from, ifEtag, sizeBytes }: Pick<CopyInParts, 'from' | 'ifEtag' | 'sizeBytes'>,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  for (let retry = 0; ; retry++) {
    const done = await deps.copyParts.take(signal)
    try {
      const result = await work()
      done('in time')
      return result
    } catch (error) {
      const tooSlow = error instanceof StoreUnavailable && error.timedOut
      done(tooSlow ? 'too slow' : 'other')
      if (signal.aborted) throw error
      const reason = await confirmed(deps, error, { object: from, etag: ifEtag, sizeBytes, signal })
      const isTemporary = tooSlow || (reason instanceof StoreUnavailable && reason !== error)
      if (!isTemporary || retry === partRetries) throw reason
    }
  }
}

async function copyPart(
  { call, options: { bucket } }: StoreDeps,
  { from, to, ifEtag }: CopyInParts,
  { uploadId, number, range, signal }: Part,
) {
  const command = new UploadPartCopyCommand({
    Bucket: bucket,
    Key: to,
    UploadId: uploadId,
    PartNumber: number,
    CopySource: copySource(bucket, from),
    CopySourceRange: range,
    CopySourceIfMatch: ifEtag,
  })
  const { CopyPartResult } = await call(command, { key: s3AddressOf(bucket, from).Key, signal })
  return completedPart(number, CopyPartResult?.ETag, CopyPartResult?.ChecksumCRC32)
}

/** `bytes=a-b` of each part; all except the last have the same size. */
function partsOf(sizeBytes: number, partBytes: number): string[] {
  const step = Math.max(partBytes, Math.ceil(sizeBytes / 10_000))
  return Array.from(
    { length: Math.ceil(sizeBytes / step) },
    (_, index) => `bytes=${index * step}-${Math.min(sizeBytes, (index + 1) * step) - 1}`,
  )
}

async function abortOrReport(deps: StoreDeps, key: string, upload: MultipartUpload): Promise<void> {
  await upload.abort().catch((error) => deps.options.onLeftover?.({ key, error }))
}
