import type { UploadRepository } from '@airlock/database'
import { isFinal } from '@airlock/domain'
import type { ObjectStore } from '@airlock/storage'
import { finalCopyOf } from './final-copy.ts'
import type { Log } from './log.ts'

export interface EmptyQuarantineDeps {
  store: Pick<ObjectStore, 'purge'>
  log: Log
}

/**
 * Removes the quarantined object of an upload whose end is committed. Twice does no harm. It never throws: the upload has ended well,
 * and what can't be removed now, the next run or the sweeper removes.
 */
export async function emptyQuarantine(
  { uploadId, quarantineKey }: { uploadId: string; quarantineKey: string },
  { store, log }: EmptyQuarantineDeps,
): Promise<void> {
  await store.purge(quarantineKey).catch((err: unknown) => log.warn({ uploadId, err }, 'quarantine not emptied yet, the sweeper will'))
}

export interface EmptyIfFinalDeps {
  uploads: Pick<UploadRepository, 'byId'>
  store: Pick<ObjectStore, 'purge' | 'head'>
  log: Log
}

/**
 * Empties the quarantine behind an upload that somebody else ended, whenever that was. Of a completed one only when its copy is at the final key:
 * with an older bucket under a newer database the quarantined object may be all that is left of the asset. The sweeper looks at what stays.
 *
 * @throws DatabaseUnavailable
 */
export async function emptyIfFinal({ uploadId }: { uploadId: string }, { uploads, store, log }: EmptyIfFinalDeps): Promise<void> {
  const upload = await uploads.byId(uploadId)
  if (upload === null || !isFinal(upload.state)) return
  const { quarantineKey, finalKey } = upload
  try {
    if (upload.state !== 'completed' || (await finalCopyOf(upload, { store })) !== null) await store.purge(quarantineKey)
    else log.warn({ uploadId, finalKey }, 'no copy at the final key, quarantine left to the sweeper')
  } catch (err) {
    log.warn({ uploadId, err }, 'quarantine not emptied yet, the sweeper will')
  }
}
