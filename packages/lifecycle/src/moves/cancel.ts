import type { Cancellation, UploadRecord, UploadRepository } from '@airlock/database'
import { refusal } from '@airlock/domain'
import type { ObjectStore } from '@airlock/storage'
import { isLastCopy } from '../upload-objects.ts'
import { type RetryDeps, retryLastCopy } from './retry.ts'

export interface CancelDeps extends RetryDeps {
  uploads: Pick<UploadRepository, 'cancel' | 'retryParked'>
  store: Pick<ObjectStore, 'head'>
}

/**
 * Cancels an upload at its owner's request, unless it is final.
 *
 * After an older database was restored, the upload of an existing asset may be waiting or failed by its row. Cancelling it would delete the only
 * bytes of that asset. So the store is checked first; such an upload counts as completed, and its job is enqueued to complete its row.
 *
 * @throws StoreError, DatabaseUnavailable  nothing was changed
 */
export async function cancel(upload: UploadRecord, deps: CancelDeps): Promise<Cancellation> {
  const { id, filename, userId, state, finalKey } = upload
  const mayBeCancelled = state === 'received' || state === 'processing' || state === 'parked'
  if (!mayBeCancelled || !(await isLastCopy(upload, deps))) return deps.uploads.cancel(id, refusal('cancelled', { filename }))
  deps.log.warn({ uploadId: id, userId, filename, finalKey, step: 'cancel' }, 'upload not cancelled: its last copy is at the final key')
  await retryLastCopy(upload, deps)
  return { cancelled: false, reason: 'completed', state: 'completed' }
}
