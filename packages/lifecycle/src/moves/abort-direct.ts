import type { Cancellation, UploadRecord, UploadRepository } from '@airlock/database'
import { type Log, refusal } from '@airlock/domain'
import type { ObjectStore } from '@airlock/storage'
import { type CancelDeps, cancel } from './cancel.ts'

export interface AbortDirectDeps extends CancelDeps {
  uploads: Pick<UploadRepository, 'abandon' | 'direct' | 'cancel' | 'retryParked'>
  store: Pick<ObjectStore, 'head' | 'purge' | 'abandonReceives'>
}

/**
 * Aborts a direct upload at the request of its client: an open one is abandoned, an accepted one is cancelled. Idempotent. It counts against the
 * hourly limit.
 *
 * @returns null when it was open, or had already been abandoned
 * @throws StoreError, DatabaseUnavailable  nothing was changed
 */
export async function abortDirect(upload: UploadRecord, deps: AbortDirectDeps): Promise<Cancellation | null> {
  const { id: uploadId, userId, filename, quarantineKey, state } = upload
  if (state === 'abandoned') return null
  if (state !== 'receiving') return cancel(upload, null, deps)
  if (await deps.uploads.abandon(uploadId, refusal('cancelled', { filename }), { giveBack: false })) {
    deps.log.info({ uploadId, userId, filename, code: 'cancelled', step: 'abort' }, 'direct upload aborted')
    await removeBytes(uploadId, quarantineKey, deps)
    return null
  }
  const now = await deps.uploads.direct(uploadId)
  return now === null || now.upload.state === 'receiving' ? null : abortDirect(now.upload, deps)
}

interface RemoveBytesDeps {
  store: Pick<ObjectStore, 'purge' | 'abandonReceives'>
  log: Log
}

/** The row is abandoned, so the sweeper removes what could not be removed now. */
async function removeBytes(uploadId: string, key: string, { store, log }: RemoveBytesDeps): Promise<void> {
  try {
    await store.abandonReceives(key)
    await store.purge(key)
  } catch (err) {
    log.warn({ uploadId, err, step: 'abort' }, 'parts or object not removed, the sweeper retries')
  }
}
