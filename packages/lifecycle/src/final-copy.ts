import type { UploadRecord } from '@airlock/database'
import type { ObjectStore, StoredObject } from '@airlock/storage'
import { sourceAddress } from './source-address.ts'

/** The values that identify the copy of an upload at its final key. */
export type Copied = Pick<UploadRecord, 'id' | 'finalKey' | 'sizeBytes' | 'contentHash'>

/**
 * The copy of an upload at its final key, identified by the upload's id, size and hash. Only workers write there, and only what they have
 * inspected.
 *
 * @returns null when there is no object, or another one
 * @throws StoreError  unknown
 */
export async function finalCopyOf(
  { id, finalKey, sizeBytes, contentHash }: Copied,
  { store }: { store: Pick<ObjectStore, 'head'> },
): Promise<StoredObject | null> {
  const object = finalKey === null ? null : await store.head(finalKey)
  if (object === null) return null
  const { upload_id, content_hash } = object.metadata
  const isOurs = upload_id === id && object.sizeBytes === sizeBytes && (contentHash === null || content_hash === contentHash)
  return isOurs ? object : null
}

/**
 * Whether the copy at the final key is the only copy left of an upload that is not final. That happens when it had become an asset, and then an
 * older database was restored. An upload whose bytes still wait has never become an asset. Bytes in another bucket always stay there, so they prove
 * nothing, and any copy counts as the last one. If a worker has just made it, that worker has inspected the upload and is about to complete it.
 *
 * @throws StoreError  unknown
 */
export async function isLastCopy(
  upload: Copied & Pick<UploadRecord, 'quarantineKey' | 'source' | 'etag'>,
  deps: { store: Pick<ObjectStore, 'head'> },
): Promise<boolean> {
  if ((await finalCopyOf(upload, deps)) === null) return false
  // its bytes stay in the pipeline's bucket, whether or not it became an asset
  if (upload.source !== null) return true
  const waiting = await deps.store.head(sourceAddress(upload))
  return waiting?.etag !== upload.etag
}
