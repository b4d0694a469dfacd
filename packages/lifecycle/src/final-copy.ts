import type { UploadRecord } from '@airlock/database'
import type { ObjectStore, StoredObject } from '@airlock/storage'
import { sourceAddress } from './source-address.ts'

/** What tells the copy of an upload from anything else that may be at its final key. */
export type Copied = Pick<UploadRecord, 'id' | 'finalKey' | 'sizeBytes' | 'contentHash'>

/**
 * The copy of an upload at its final key, known by the id, the size and the hash of the upload: only a worker writes there, and only what it has
 * inspected.
 *
 * @returns null when nothing is there, or something else
 * @throws StoreError  nobody knows
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
 * Whether the copy at the final key is all that is left of an upload that is not final. That is so when it had become an asset, and an older
 * database was restored since, which knows nothing of it: an upload whose bytes wait has never become one.
 *
 * @throws StoreError  nobody knows
 */
export async function isLastCopy(
  upload: Copied & Pick<UploadRecord, 'quarantineKey' | 'source' | 'etag'>,
  deps: { store: Pick<ObjectStore, 'head'> },
): Promise<boolean> {
  if ((await finalCopyOf(upload, deps)) === null) return false
  const waiting = await deps.store.head(sourceAddress(upload))
  return waiting?.etag !== upload.etag
}
