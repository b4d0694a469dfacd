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
 * Cancels an upload at its owner's request, unless it is final.
 *
 * After an older database was restored, the upload of an existing asset may be waiting or failed by its row. Cancelling it would delete the only
 * bytes of that asset. So the store is checked first; such an upload counts as completed, and its job is enqueued to complete its row.
 *
 * @throws StoreError, DatabaseUnavailable  nothing was changed
 */
export async function cancel(upload: UploadRecord, { uploads, store, jobQueue, log }: CancelDeps): Promise<Cancellation> {
  const { id, filename, userId, state, assetType, finalKey } = upload
  const mayBeCancelled = state === 'received' || state === 'processing' || state === 'parked'
  if (!mayBeCancelled || assetType === null || !(await isLastCopy(upload, { store }))) {
    return uploads.cancel(id, refusal('cancelled', { filename }))
  }
  log.warn({ uploadId: id, userId, filename, finalKey, step: 'cancel' }, 'upload not cancelled: its last copy is at the final key')
  if (state === 'parked') await uploads.retryParked(id)
  await jobQueue
    .ensureEnqueued(assetKind(assetType).lane, { uploadId: id })
    .catch((err: unknown) => log.warn({ uploadId: id, err }, 'upload not enqueued, the sweeper retries'))
  return { cancelled: false, reason: 'completed', state: 'completed' }
}
