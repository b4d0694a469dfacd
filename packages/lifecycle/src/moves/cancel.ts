import type { Cancellation, OperatorNote, UploadRecord, UploadRepository } from '@airlock/database'
import { refusal } from '@airlock/domain'
import type { ObjectStore } from '@airlock/storage'
import { isLastCopy } from '../upload-objects.ts'
import { type RetryDeps, retryLastCopy } from './retry.ts'

export interface CancelDeps extends RetryDeps {
  uploads: Pick<UploadRepository, 'cancel' | 'retryParked'>
  store: Pick<ObjectStore, 'head'>
}

/**
 * Cancels an upload at the request of its owner or an operator, unless it is final.
 *
 * After an older database was restored, the upload of an existing asset may be waiting or failed by its row. Cancelling it would delete the only
 * bytes of that asset. So the store is checked first; such an upload counts as completed, and its job is enqueued to complete its row.
 *
 * @param by the operator; null when its owner cancels it
 * @throws StoreError, DatabaseUnavailable  nothing was changed
 */
export async function cancel(upload: UploadRecord, by: OperatorNote | null, deps: CancelDeps): Promise<Cancellation> {
  const { id, filename, userId, state, finalKey } = upload
  const about = { uploadId: id, userId, filename, ...(by !== null && { by: by.operator }), step: 'cancel' }
  const mayBeCancelled = state === 'received' || state === 'processing' || state === 'parked'
  if (mayBeCancelled && (await isLastCopy(upload, deps))) {
    deps.log.warn({ ...about, finalKey }, 'upload not cancelled: its last copy is at the final key')
    await retryLastCopy(upload, by, deps)
    return { cancelled: false, reason: 'completed', state: 'completed' }
  }
  const cancelled = await deps.uploads.cancel(id, refusal(by === null ? 'cancelled' : 'cancelled_by_operator', { filename }), by)
  if (cancelled.cancelled) deps.log.info(about, 'upload cancelled')
  return cancelled
}
