import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type MultipartUpload as ListedUpload,
  ListMultipartUploadsCommand,
} from '@aws-sdk/client-s3'
import type { OpenReceive } from '../object-store.ts'
import { StoreFailure } from '../store-errors.ts'
import type { StoreDeps } from './store-deps.ts'
import type { WriteHeaders } from './write-headers.ts'

/** One multipart upload, from create to complete or abort. */
export class MultipartUpload {
  readonly id: string
  /** Whether creating was retried, so that a second upload of this key may be open. */
  readonly begunTwice: boolean
  readonly #deps: StoreDeps
  readonly #key: string
  readonly #parts: CompletedPart[] = []

  private constructor(deps: StoreDeps, key: string, id: string, begunTwice: boolean) {
    this.#deps = deps
    this.#key = key
    this.id = id
    this.begunTwice = begunTwice
  }

  /**
   * Can't be aborted: otherwise an upload with an unknown id might stay open.
   *
   * @param checksummed whether the parts will have CRC32 checksums
   */
  static async begin(
    deps: StoreDeps,
    key: string,
    { headers, checksummed }: { headers: WriteHeaders; checksummed: boolean },
  ): Promise<MultipartUpload> {
    const command = new CreateMultipartUploadCommand({
      Bucket: deps.options.bucket,
      Key: key,
      ...headers,
      // S3 refuses parts with a checksum that the upload did not announce.
      ...(checksummed && deps.options.checksums === 'when_supported' && { ChecksumAlgorithm: 'CRC32' }),
    })
    const { UploadId, $metadata } = await deps.call(command, { key })
    if (UploadId === undefined) throw new StoreFailure('CreateMultipartUpload: no upload id', key, { code: 'NoUploadId', status: null })
    return new MultipartUpload(deps, key, UploadId, ($metadata.attempts ?? 1) > 1)
  }

  /** Adds a part that has arrived. */
  add(part: CompletedPart): void {
    this.#parts.push(part)
  }

  /** @returns the ETag of the whole object */
  async complete(signal: AbortSignal): Promise<string> {
    const command = new CompleteMultipartUploadCommand({
      Bucket: this.#deps.options.bucket,
      Key: this.#key,
      UploadId: this.id,
      MultipartUpload: { Parts: this.#parts.toSorted((a, b) => (a.PartNumber ?? 0) - (b.PartNumber ?? 0)) },
    })
    const { ETag } = await this.#deps.call(command, { key: this.#key, signal })
    return ETag ?? ''
  }

  /** Aborts the upload and frees its parts. Succeeds if it no longer exists. */
  async abort(): Promise<void> {
    await abortUpload(this.#deps, this.#key, this.id)
  }
}

/** Aborts one open upload. Succeeds if it no longer exists. */
export async function abortUpload({ call, options: { bucket } }: StoreDeps, key: string, uploadId: string): Promise<void> {
  const command = new AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId: uploadId })
  await call(command, { key }).catch((error) => {
    if (!isNoSuchUpload(error)) throw error
  })
}

/** Whether the multipart upload was completed or aborted. */
export const isNoSuchUpload = (error: unknown): boolean =>
  error instanceof Error && error.cause instanceof Error && error.cause.name === 'NoSuchUpload'

/** The maximum of pages of open multipart uploads to read, of a thousand each; our keys rarely have more than one upload. */
const maxPages = 10

/** See `ObjectStore.abandonReceives`. */
export async function abandonReceives(deps: StoreDeps, key: string): Promise<number> {
  let abandoned = 0
  await eachPage(deps, { prefix: key, until: key }, async (uploads) => {
    for (const { Key, UploadId } of uploads) {
      // The prefix also matches longer keys.
      if (Key !== key || UploadId === undefined) continue
      await abortUpload(deps, key, UploadId)
      abandoned++
    }
  })
  return abandoned
}

/** See `ObjectStore.openReceives`. */
export async function openReceives(deps: StoreDeps, prefix: string): Promise<OpenReceive[]> {
  const open: OpenReceive[] = []
  await eachPage(deps, { prefix }, async (uploads) => {
    for (const { Key = '', Initiated = new Date(0) } of uploads) open.push({ key: Key, begunAt: Initiated })
  })
  return open
}

/** @param range.until stops after this key */
async function eachPage(
  { call, options: { bucket } }: StoreDeps,
  { prefix, until }: { prefix: string; until?: string },
  work: (uploads: ListedUpload[]) => Promise<void>,
): Promise<void> {
  let marker: { KeyMarker?: string; UploadIdMarker?: string } = {}
  for (let page = 0; page < maxPages; page++) {
    const answer = await call(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix, ...marker }), { key: prefix })
    await work(answer.Uploads ?? [])
    if (answer.IsTruncated !== true || answer.NextKeyMarker === undefined) break
    if (until !== undefined && answer.NextKeyMarker > until) break
    marker = { KeyMarker: answer.NextKeyMarker, ...(answer.NextUploadIdMarker && { UploadIdMarker: answer.NextUploadIdMarker }) }
  }
}
