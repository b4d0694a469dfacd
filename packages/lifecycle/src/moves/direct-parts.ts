import type { DirectUpload, UploadRecord } from '@airlock/database'
import { AirlockError, bytesOfPart, mustBeParts, type PartSizes, partCountOf } from '@airlock/domain'
import type { ObjectStore, PartsAddress } from '@airlock/storage'
import { putOf } from './open-direct.ts'

/** A URL for one part. */
export interface DirectPart {
  readonly number: number
  readonly sizeBytes: number
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly expiresAt: Date
}

/** What the store has of a file. */
export interface DirectParts {
  readonly sizes: PartSizes
  /** In the order of their numbers. `etag`: null once the upload is complete. */
  readonly parts: readonly { readonly number: number; readonly sizeBytes: number; readonly etag: string | null }[]
}

/** The parts of a direct upload. A file that is sent in one PUT is its only part. */
export function sizesOf({ id, declaredBytes, partBytes }: UploadRecord): PartSizes {
  if (declaredBytes === null) throw new Error(`upload ${id} has no declared size`)
  return { sizeBytes: declaredBytes, partBytes: partBytes ?? declaredBytes }
}

/** The unfinished object of an upload in parts; null when it is sent in one PUT. */
export function partsAddressOf({ quarantineKey: key, multipartId: uploadId, partBytes }: UploadRecord): PartsAddress | null {
  if (partBytes === null) return null
  // Without an id nobody got a capability; the store has no upload with this one.
  return { key, uploadId: uploadId ?? 'none' }
}

/** @throws AirlockError the reason why the upload was abandoned, or `upload_expired` */
export function mustNotBeEnded({ upload, isExpired }: DirectUpload): void {
  const { state, refusal, filename } = upload
  if (state === 'abandoned' && refusal !== null) throw AirlockError.of(refusal)
  if (state === 'receiving' && isExpired) throw new AirlockError('upload_expired', { filename })
}

/**
 * Signs URLs for parts. They may outlive the upload by their short validity, which then creates nothing that counts: the store refuses a part of an
 * ended multipart upload, and the sweeper removes the object of a late PUT. So a wrong clock of this process only shortens them.
 *
 * @throws AirlockError `part_number_invalid`, `upload_closed`, `upload_expired`, or the reason why the upload was abandoned
 */
export async function signDirectParts(
  direct: DirectUpload,
  numbers: readonly number[],
  { urlSeconds: expiresInSeconds }: { urlSeconds: number },
  { store }: { store: Pick<ObjectStore, 'presignWrite'> },
): Promise<DirectPart[]> {
  mustNotBeEnded(direct)
  const { upload } = direct
  const { filename, quarantineKey: key, expectedHash } = upload
  if (upload.state !== 'receiving') throw new AirlockError('upload_closed', { filename })
  const sizes = sizesOf(upload)
  mustBeParts(numbers, filename, sizes)
  const address = partsAddressOf(upload)
  return Promise.all(
    [...new Set(numbers)].map(async (number) => {
      const sizeBytes = bytesOfPart(number, sizes)
      const write =
        address === null
          ? putOf({ sizeBytes, expectedHash, expiresInSeconds })
          : { sizeBytes, expiresInSeconds, part: { uploadId: address.uploadId, number } }
      return { number, sizeBytes, ...(await store.presignWrite(key, write)) }
    }),
  )
}

/**
 * Lists the parts that the store has, for a client that resumes. Of a complete upload it has all, so that the client goes on to complete it, and gets
 * the same answer again.
 *
 * @throws AirlockError `upload_expired`, or the reason why the upload was abandoned
 * @throws StoreUnavailable
 */
export async function listDirectParts(
  direct: DirectUpload,
  { store }: { store: Pick<ObjectStore, 'arrivedParts' | 'head'> },
): Promise<DirectParts> {
  mustNotBeEnded(direct)
  const { upload } = direct
  const sizes = sizesOf(upload)
  const numbers = Array.from({ length: partCountOf(sizes) }, (_, i) => i + 1)
  const all = { sizes, parts: numbers.map((number) => ({ number, sizeBytes: bytesOfPart(number, sizes), etag: null })) }
  if (upload.state !== 'receiving') return all
  const address = partsAddressOf(upload)
  const arrived = address === null ? null : await store.arrivedParts(address)
  if (arrived !== null) return { sizes, parts: arrived }
  const object = await store.head(upload.quarantineKey)
  return object === null ? { sizes, parts: [] } : all
}
