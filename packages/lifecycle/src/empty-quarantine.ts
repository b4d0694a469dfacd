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
