import type { UploadRecord, UploadRepository } from '@airlock/database'
import type { Refusal } from '@airlock/domain'
import type { ObjectStore } from '@airlock/storage'
import { isLastCopy } from '../upload-objects.ts'
import { type RetryDeps, retryLastCopy } from './retry.ts'

export interface ReleaseDeps extends RetryDeps {
  uploads: Pick<UploadRepository, 'releaseParked' | 'retryParked'>
  store: Pick<ObjectStore, 'head'>
}

/**
 * Rejects a parked upload at an operator's request: its bytes are no longer kept, but purged.
 *
 * After an older database was restored, a parked upload may be that of an existing asset, whose only bytes would be purged. So the store is
 * checked first; the job of such an upload is enqueued to complete its row instead.
 *
 * @param why the reason for its owner
 * @returns false when the upload was not rejected, because it is not parked or must be completed
 * @throws StoreError, DatabaseUnavailable  nothing was changed
 */
export async function release(upload: UploadRecord, why: Refusal, deps: ReleaseDeps): Promise<boolean> {
  const { id: uploadId, userId, filename, state, finalKey } = upload
  const about = { uploadId, userId, filename, step: 'release' }
  if (state !== 'parked') return false
  if (await isLastCopy(upload, deps)) {
    deps.log.warn({ ...about, finalKey }, 'parked upload not released: its last copy is at the final key')
    await retryLastCopy(upload, deps)
    return false
  }
  const released = await deps.uploads.releaseParked(uploadId, why)
  if (released) deps.log.info({ ...about, code: why.code }, 'parked upload released')
  return released
}
