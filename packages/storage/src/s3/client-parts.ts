import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListPartsCommand,
  type ListPartsCommandOutput,
  type Part,
} from '@aws-sdk/client-s3'
import type { ArrivedPart, PartsAddress } from '../object-store.ts'
import { StoreFailure } from '../store-errors.ts'
import { isNoSuchUpload } from './multipart-upload.ts'
import type { StoreDeps } from './store-deps.ts'
import { writeHeaders } from './write-headers.ts'

/** The type of quarantined objects: they have not been inspected. */
const unknownType = 'application/octet-stream'

/** See `ObjectStore.beginParts`. Without a checksum algorithm, since browsers compute none. */
export async function beginParts({ call, options }: StoreDeps, key: string, nonce: string): Promise<string> {
  const headers = writeHeaders(options, { contentType: unknownType, metadata: { nonce } })
  const { UploadId } = await call(new CreateMultipartUploadCommand({ Bucket: options.bucket, Key: key, ...headers }), { key })
  if (UploadId === undefined) throw new StoreFailure('CreateMultipartUpload: no upload id', key, { code: 'NoUploadId', status: null })
  return UploadId
}

/** The maximum of pages: S3 has at most 10,000 parts, and lists a thousand on each. */
const maxPages = 20

/** See `ObjectStore.arrivedParts`. */
export async function arrivedParts(deps: StoreDeps, { key, uploadId }: PartsAddress): Promise<ArrivedPart[] | null> {
  const { call, options } = deps
  const latest = new Map<number, Part>()
  let marker: string | undefined
  for (let page = 0; page < maxPages; page++) {
    const command = new ListPartsCommand({
      Bucket: options.bucket,
      Key: key,
      UploadId: uploadId,
      ...(marker !== undefined && { PartNumberMarker: marker }),
    })
    const answer: ListPartsCommandOutput | null = await call(command, { key }).catch(nullIfGone)
    if (answer === null) return null
    for (const part of answer.Parts ?? []) addLatest(latest, part)
    if (answer.IsTruncated !== true || answer.NextPartNumberMarker === undefined) break
    marker = answer.NextPartNumberMarker
  }
  return [...latest].sort(([a], [b]) => a - b).map(([number, { Size = 0, ETag = '' }]) => ({ number, sizeBytes: Size, etag: ETag }))
}

/** Some stores list a part twice that was sent twice; the later one is the part. */
function addLatest(latest: Map<number, Part>, part: Part): void {
  const { PartNumber = 0, LastModified = new Date(0) } = part
  const known = latest.get(PartNumber)
  if (known === undefined || LastModified >= (known.LastModified ?? new Date(0))) latest.set(PartNumber, part)
}

/** See `ObjectStore.completeParts`. */
export async function completeParts(
  { call, options: { bucket } }: StoreDeps,
  { key, uploadId }: PartsAddress,
  arrived: readonly ArrivedPart[],
): Promise<boolean> {
  const command = new CompleteMultipartUploadCommand({
    Bucket: bucket,
    Key: key,
    UploadId: uploadId,
    MultipartUpload: { Parts: arrived.map(({ number, etag }) => ({ PartNumber: number, ETag: etag })) },
  })
  const answer = await call(command, { key }).catch(nullIfGone)
  return answer !== null
}

/** Codes for parts that were replaced after they had been listed. */
const replacedCodes = new Set(['InvalidPart', 'InvalidPartOrder'])

function nullIfGone(error: unknown): null {
  if (isNoSuchUpload(error) || (error instanceof StoreFailure && replacedCodes.has(error.code))) return null
  throw error
}
