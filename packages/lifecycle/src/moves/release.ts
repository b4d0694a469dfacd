import type { OperatorNote, UploadRecord, UploadRepository } from '@airlock/database'
import { refusal } from '@airlock/domain'
import type { ObjectStore } from '@airlock/storage'
import { isLastCopy } from '../upload-objects.ts'
import { type RetryDeps, retryLastCopy } from './retry.ts'

export interface ReleaseDeps extends RetryDeps {
  uploads: Pick<UploadRepository, 'releaseParked' | 'retryParked'>
  store: Pick<ObjectStore, 'head'>
}

/** `completed`: its last copy is at the final key, so it is being completed instead. */
export type Release = 'released' | 'not_parked' | 'completed'

/**
 * Rejects a parked upload at an operator's request: its bytes are no longer kept, but purged.
 *
 * After an older database was restored, a parked upload may be that of an existing asset, whose only bytes would be purged. So the store is
 * checked first; the job of such an upload is enqueued to complete its row instead.
 *
 * @throws StoreError, DatabaseUnavailable  nothing was changed
 */
export async function release(upload: UploadRecord, by: OperatorNote, deps: ReleaseDeps): Promise<Release> {
  const { id: uploadId, userId, filename, state, finalKey } = upload
  const about = { uploadId, userId, filename, by: by.operator, step: 'release' }
  if (state !== 'parked') return 'not_parked'
  if (await isLastCopy(upload, deps)) {
    deps.log.warn({ ...about, finalKey }, 'parked upload not released: its last copy is at the final key')
    await retryLastCopy(upload, by, deps)
    return 'completed'
  }
  const why = refusal('upload_released', { filename })
  if (!(await deps.uploads.releaseParked(uploadId, why, by))) return 'not_parked'
  deps.log.info({ ...about, code: why.code }, 'parked upload released')
  return 'released'
}
