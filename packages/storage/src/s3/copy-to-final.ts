import { CopyObjectCommand, UploadPartCopyCommand } from '@aws-sdk/client-s3'
import type { CopyOptions, ObjectAddress } from '../object-store.ts'
import { ObjectMissing, StoreFailure, StoreUnavailable } from '../store-errors.ts'
import { copyThroughUs } from './copy-through-us.ts'
import { MultipartUpload } from './multipart-upload.ts'
import { head } from './objects.ts'
import { Permits } from './permits.ts'
import { placeOf } from './place.ts'
import type { StoreDeps } from './store-deps.ts'
import { type WriteHeaders, writeHeaders } from './write-headers.ts'
import { completedPart } from './write-object.ts'

interface Copy extends CopyOptions {
  from: ObjectAddress
  to: string
  written: WriteHeaders
}

/** See `ObjectStore.copyToFinal`. */
export async function copyToFinal(deps: StoreDeps, from: ObjectAddress, to: string, options: CopyOptions): Promise<{ etag: string }> {
  options.signal?.throwIfAborted()
  const copy: Copy = { ...options, from, to, written: writeHeaders(deps.options, options.headers) }
  let failure: unknown = null
  try {
    await copyBytes(deps, copy)
  } catch (error) {
    // The source may be gone because a copy was made before; the answer of the last step may have got lost.
    if (!(error instanceof ObjectMissing || error instanceof StoreUnavailable)) throw error
    failure = error
  }
  return arrived(deps, copy, failure)
}

async function copyBytes(deps: StoreDeps, copy: Copy): Promise<void> {
  if (!deps.options.serverSideCopy) return copyThroughUs(deps, copy)
  try {
    if (copy.sizeBytes < deps.options.multipartCopyFromBytes) await copyWhole(deps, copy)
    else await copyInParts(deps, copy)
  } catch (error) {
    if (!(error instanceof StoreFailure) || error.code !== 'NotImplemented') throw error
    await copyThroughUs(deps, copy)
  }
}

/**
 * Looks at the final key. What the store said when it was asked to copy counts less than what stands there.
 *
 * @param failure what the copying threw, for when nothing arrived
 */
async function arrived(deps: StoreDeps, { to, sizeBytes, headers, signal }: Copy, failure: unknown): Promise<{ etag: string }> {
  const found = await head(deps, to, signal).catch((error) => {
    throw failure ?? error
  })
  const isOurs = found !== null && found.sizeBytes === sizeBytes && sameMetadata(found.metadata, headers.metadata)
  if (!isOurs) throw failure ?? differs(to, `${found?.sizeBytes ?? 'no'} bytes where ${sizeBytes} were copied`)
  if (deps.options.encryption !== 'none' && found.encryption !== deps.options.encryption) {
    throw differs(to, `encryption is '${found.encryption ?? 'none'}', not '${deps.options.encryption}'`)
  }
  return { etag: found.etag }
}

const differs = (key: string, what: string): StoreFailure =>
  new StoreFailure(`The copy is not what was asked for: ${what}`, key, { code: 'CopyDiffers', status: null })

const sameMetadata = (found: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): boolean =>
  Object.entries(wanted).every(([name, value]) => found[name.toLowerCase()] === value)

async function copyWhole({ call, options: { bucket } }: StoreDeps, { from, to, ifEtag, written, signal }: Copy): Promise<void> {
  const command = new CopyObjectCommand({
    Bucket: bucket,
    Key: to,
    CopySource: copySource(bucket, from),
    CopySourceIfMatch: ifEtag,
    MetadataDirective: 'REPLACE',
    ...written,
  })
  await call(command, { key: placeOf(bucket, from).Key, signal })
}

/** S3 wants the source URL-encoded, but with its slashes. */
function copySource(bucket: string, from: ObjectAddress): string {
  const { Bucket, Key } = placeOf(bucket, from)
  return `${Bucket}/${Key.split('/').map(encodeURIComponent).join('/')}`
}

async function copyInParts(deps: StoreDeps, copy: Copy): Promise<void> {
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

async function copyParts(deps: StoreDeps, copy: Copy, upload: MultipartUpload, stop: AbortController): Promise<void> {
  const permits = new Permits(deps.tuning.copyPartsInFlight)
  const parts = partsOf(copy.sizeBytes, deps.tuning.copyPartBytes).map(async (range, index) => {
    const done = await permits.take()
    try {
      upload.add(await copyPart(deps, copy, { uploadId: upload.id, number: index + 1, range, signal: stop.signal }))
    } catch (error) {
      stop.abort(error)
    } finally {
      done()
    }
  })
  await Promise.all(parts)
  stop.signal.throwIfAborted()
}

async function copyPart(
  { call, options: { bucket } }: StoreDeps,
  { from, to, ifEtag }: Copy,
  { uploadId, number, range, signal }: { uploadId: string; number: number; range: string; signal: AbortSignal },
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
  const { CopyPartResult } = await call(command, { key: placeOf(bucket, from).Key, signal })
  return completedPart(number, CopyPartResult?.ETag, CopyPartResult?.ChecksumCRC32)
}

/** `bytes=a-b` of each part, all of one size but the last. */
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
