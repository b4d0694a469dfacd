import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
} from '@aws-sdk/client-s3'
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

const isNoSuchUpload = (error: unknown): boolean =>
  error instanceof Error && error.cause instanceof Error && error.cause.name === 'NoSuchUpload'
