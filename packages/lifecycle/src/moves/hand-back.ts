import { type Claim, ClaimLost, type UploadRepository } from '@airlock/database'
import { type EmptyIfFinalDeps, emptyIfFinal } from '../upload-objects.ts'

export interface HandBackDeps extends EmptyIfFinalDeps {
  uploads: Pick<UploadRepository, 'handBack' | 'byId'>
}

/**
 * Releases the upload of a stopping worker, for another worker to claim at once. The counts that decide when it is parked are reset to their
 * values before the claim: neither the upload nor a server caused the failure.
 *
 * Calls of this worker to the store may still land later. They do no harm: a copy lands at the same final key as that of the next attempt.
 *
 * @returns `lost` when another attempt owns the upload by now, or it has ended
 * @throws DatabaseUnavailable  the row keeps its lease; the sweeper enqueues the upload when that has expired
 */
export async function handBack(claim: Claim, { uploads, store, log }: HandBackDeps): Promise<'handed_back' | 'lost'> {
  const { uploadId, userId, requestId, filename, attempt } = claim
  const about = { uploadId, userId, requestId, filename, attempt, step: 'hand back' }
  try {
    await uploads.handBack(claim)
    log.info(about, 'worker stops, upload handed back')
    return 'handed_back'
  } catch (error) {
    if (!(error instanceof ClaimLost)) throw error
    log.warn(about, 'another attempt owns the upload')
    await emptyIfFinal(claim, { uploads, store, log })
    return 'lost'
  }
}
