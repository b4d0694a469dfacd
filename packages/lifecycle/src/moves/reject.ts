import type { Claim, UploadRepository } from '@airlock/database'
import type { Log, Refusal } from '@airlock/domain'
import type { ObjectStore } from '@airlock/storage'
import { emptyQuarantine } from '../upload-objects.ts'

export interface RejectDeps {
  uploads: Pick<UploadRepository, 'reject'>
  store: Pick<ObjectStore, 'purge'>
  log: Log
}

/**
 * Rejects a claimed upload with a reason for its owner, then empties the quarantine: the bytes are removed only after the verdict is committed.
 *
 * @param options.copied this attempt has copied the object to its final key; the copy is purged
 * @throws ClaimLost  a later attempt owns the upload; nothing was changed
 */
export async function reject(
  claim: Claim,
  refusal: Refusal,
  { uploads, store, log }: RejectDeps,
  { copied }: { copied: boolean } = { copied: false },
): Promise<void> {
  await uploads.reject(claim, refusal, { copied })
  await emptyQuarantine(claim, { store, log })
}
