import type { Source, UploadRecord, UploadRepository } from '@airlock/database'
import type { Log } from '@airlock/domain'
import { isFinal } from '@airlock/domain'
import type { ObjectAddress, ObjectStore, StoredObject } from '@airlock/storage'

/** The address of an upload's waiting bytes: its quarantine key, or an object in another bucket. */
export const sourceAddress = ({ quarantineKey, source }: { quarantineKey: string; source: Source | null }): ObjectAddress =>
  source ?? quarantineKey

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
 * nothing, and any copy counts as the last one. If a worker has just made that copy, it has inspected the upload and is about to complete it.
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

export interface EmptyQuarantineDeps {
  store: Pick<ObjectStore, 'purge'>
  log: Log
}

/**
 * Removes the quarantined object of an upload whose end is committed. Idempotent. It never throws: the upload has ended, and the next run or the
 * sweeper removes what could not be removed now.
 */
export async function emptyQuarantine(
  { uploadId, quarantineKey }: { uploadId: string; quarantineKey: string },
  { store, log }: EmptyQuarantineDeps,
): Promise<void> {
  await store.purge(quarantineKey).catch((err: unknown) => log.warn({ uploadId, err }, 'quarantine not emptied, the sweeper retries'))
}

export interface EmptyIfFinalDeps {
  uploads: Pick<UploadRepository, 'byId'>
  store: Pick<ObjectStore, 'purge' | 'head'>
  log: Log
}

/**
 * Removes the quarantined object of an upload that another process has ended. For a completed upload this requires its copy at the final key: after
 * an older bucket was restored, the quarantined object may be the last copy of the asset. The sweeper handles what stays.
 *
 * @throws DatabaseUnavailable
 */
export async function emptyIfFinal({ uploadId }: { uploadId: string }, { uploads, store, log }: EmptyIfFinalDeps): Promise<void> {
  const upload = await uploads.byId(uploadId)
  if (upload === null || !isFinal(upload.state)) return
  const { quarantineKey, finalKey } = upload
  try {
    if (upload.state !== 'completed' || (await finalCopyOf(upload, { store })) !== null) await store.purge(quarantineKey)
    else log.warn({ uploadId, finalKey }, 'no copy at the final key, quarantine not emptied')
  } catch (err) {
    log.warn({ uploadId, err }, 'quarantine not emptied, the sweeper retries')
  }
}
