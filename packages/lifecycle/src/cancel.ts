import type { Cancellation, UploadRecord, UploadRepository } from '@airlock/database'
import { assetKind, refusal } from '@airlock/domain'
import type { JobQueue } from '@airlock/queue'
import type { ObjectStore } from '@airlock/storage'
import { isLastCopy } from './final-copy.ts'
import type { Log } from './log.ts'

export interface CancelDeps {
  uploads: Pick<UploadRepository, 'cancel' | 'retryParked'>
  store: Pick<ObjectStore, 'head'>
  jobQueue: Pick<JobQueue, 'ensureEnqueued'>
  log: Log
}

/**
 * Ends an upload at its owner's wish, unless it is final.
 *
 * After an older database was restored, the row of an asset may say that its upload still waits, or failed. Cancelling it would delete the only
 * bytes of that asset. So the store is asked first; such an upload counts as completed, and a worker is woken, which completes its row.
 *
 * @throws StoreError, DatabaseUnavailable  nothing has changed
 */
export async function cancel(upload: UploadRecord, { uploads, store, jobQueue, log }: CancelDeps): Promise<Cancellation> {
  const { id, filename, userId, state, assetType, finalKey } = upload
  const mayBeCancelled = state === 'received' || state === 'processing' || state === 'parked'
  if (!mayBeCancelled || assetType === null || !(await isLastCopy(upload, { store }))) {
    return uploads.cancel(id, refusal('cancelled', { filename }))
  }
  log.warn({ uploadId: id, userId, filename, finalKey, step: 'cancel' }, 'upload not cancelled: its only bytes are at its final key')
  if (state === 'parked') await uploads.retryParked(id)
  await jobQueue
    .ensureEnqueued(assetKind(assetType).lane, { uploadId: id })
    .catch((err: unknown) => log.warn({ uploadId: id, err }, 'no worker woken, the sweeper will'))
  return { cancelled: false, reason: 'completed', state: 'completed' }
}
