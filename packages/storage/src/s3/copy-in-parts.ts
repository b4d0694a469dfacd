import { type CompletedPart, UploadPartCopyCommand } from '@aws-sdk/client-s3'
import type { CopyOptions, ObjectAddress } from '../object-store.ts'
import { StoreUnavailable } from '../store-errors.ts'
import { confirmed } from './confirm.ts'
import { MultipartUpload } from './multipart-upload.ts'
import { Permits } from './permits.ts'
import { copySource, placeOf } from './place.ts'
import type { StoreDeps } from './store-deps.ts'
import type { WriteHeaders } from './write-headers.ts'
import { completedPart } from './write-object.ts'

export interface CopyToMake extends Pick<CopyOptions, 'ifEtag' | 'sizeBytes' | 'signal'> {
  from: ObjectAddress
  to: string
  written: WriteHeaders
}

/** How the parts of a copy are made. */
export interface CopyManner {
  readonly partBytes: number
  /** Parts of one copy that may be under way at once. */
  readonly partsInFlight: number
  /** Whether parts are sent by us, with CRC32s. */
  readonly checksummed: boolean
  readonly copyPart: CopyPart
}

/** Makes one part, each time anew. @throws StoreError */
export type CopyPart = (deps: StoreDeps, copy: CopyToMake, part: PartToCopy) => Promise<CompletedPart>

export interface PartToCopy {
  readonly uploadId: string
  /** From 1. */
  readonly number: number
  readonly start: number
  /** The first byte that is not of it. */
  readonly end: number
  readonly signal: AbortSignal
}

/** Times that one part is asked for again after it took too long, or after a 404 or 412 that was wrong; the SDK tries other failures again. */
const partRetries = 4

/** Copies within the store, without a byte passing through us. */
export const withinTheStore = ({ tuning }: StoreDeps): CopyManner => ({
  partBytes: tuning.copyPartBytes,
  partsInFlight: tuning.copyPartsInFlight,
  checksummed: false,
  copyPart: copyPartWithin,
})

/**
 * Copies in parts that go in parallel. A part that takes too long is made again while the finished ones stay, and the copies of the process then
 * have fewer parts under way: a store that serves many at once slowly may serve few of them in time.
 *
 * @throws what copying a part threw first, once no call is under way any more and the multipart upload is ended
 */
export async function copyInParts(deps: StoreDeps, copy: CopyToMake, manner: CopyManner): Promise<void> {
  const stop = new AbortController()
  const onAbort = () => stop.abort(copy.signal?.reason)
  copy.signal?.addEventListener('abort', onAbort, { once: true })
  try {
    const upload = await MultipartUpload.begin(deps, copy.to, { headers: copy.written, checksummed: manner.checksummed })
    try {
      await copyParts(deps, copy, manner, { upload, stop })
      await upload.complete(stop.signal)
    } catch (error) {
      await abortOrReport(deps, copy.to, upload)
      throw error
    }
  } finally {
    copy.signal?.removeEventListener('abort', onAbort)
  }
}

async function copyParts(
  deps: StoreDeps,
  copy: CopyToMake,
  manner: CopyManner,
  { upload, stop }: { upload: MultipartUpload; stop: AbortController },
): Promise<void> {
  const permits = new Permits(manner.partsInFlight)
  const parts = rangesOf(copy.sizeBytes, manner.partBytes).map(async (range, index) => {
    const done = await permits.take()
    try {
      const part = { ...range, uploadId: upload.id, number: index + 1, signal: stop.signal }
      upload.add(await copyPatiently(deps, copy, part, manner.copyPart))
    } catch (error) {
      stop.abort(error)
    } finally {
      done()
    }
  })
  await Promise.all(parts)
  stop.signal.throwIfAborted()
}

async function copyPatiently(deps: StoreDeps, copy: CopyToMake, part: PartToCopy, copyPart: CopyPart): Promise<CompletedPart> {
  for (let retry = 0; ; retry++) {
    const done = await deps.copyParts.take(part.signal)
    try {
      const copied = await copyPart(deps, copy, part)
      done('in time')
      return copied
    } catch (error) {
      const tooSlow = error instanceof StoreUnavailable && error.timedOut
      done(tooSlow ? 'too slow' : 'other')
      if (part.signal.aborted) throw error
      const reason = await confirmed(deps, error, { object: copy.from, etag: copy.ifEtag, sizeBytes: copy.sizeBytes, signal: part.signal })
      const mayGoBetter = tooSlow || (reason instanceof StoreUnavailable && reason !== error)
      if (!mayGoBetter || retry === partRetries) throw reason
    }
  }
}

const copyPartWithin: CopyPart = async ({ call, options: { bucket } }, { from, to, ifEtag }, { uploadId, number, start, end, signal }) => {
  const command = new UploadPartCopyCommand({
    Bucket: bucket,
    Key: to,
    UploadId: uploadId,
    PartNumber: number,
    CopySource: copySource(bucket, from),
    CopySourceRange: `bytes=${start}-${end - 1}`,
    CopySourceIfMatch: ifEtag,
  })
  const { CopyPartResult } = await call(command, { key: placeOf(bucket, from).Key, signal })
  return completedPart(number, CopyPartResult?.ETag, CopyPartResult?.ChecksumCRC32)
}

/** S3 takes no more parts of one object than this. */
const maxParts = 10_000

/** All of one size but the last. */
function rangesOf(sizeBytes: number, partBytes: number): { start: number; end: number }[] {
  const step = Math.max(partBytes, Math.ceil(sizeBytes / maxParts))
  return Array.from({ length: Math.ceil(sizeBytes / step) }, (_, index) => ({
    start: index * step,
    end: Math.min(sizeBytes, (index + 1) * step),
  }))
}

async function abortOrReport(deps: StoreDeps, key: string, upload: MultipartUpload): Promise<void> {
  await upload.abort().catch((error) => deps.options.onLeftover?.({ key, error }))
}
