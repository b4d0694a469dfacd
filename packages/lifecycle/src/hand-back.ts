import { type Claim, ClaimLost, type UploadRepository } from '@airlock/database'
import { type EmptyIfFinalDeps, emptyIfFinal } from './empty-quarantine.ts'

export interface HandBackDeps extends EmptyIfFinalDeps {
  uploads: Pick<UploadRepository, 'handBack' | 'byId'>
}

/**
 * Gives an upload back whose worker stops in the middle of it, for another to take at once. What decides when it is parked is as it was
 * before the claim: the attempt was not the upload's fault, nor the servers'.
 *
 * What the worker still does to the store may land later. It changes nothing: a copy lands at the same final key as that of the next attempt.
 *
 * @returns `lost` when another attempt owns the upload by now, or it has ended
 * @throws DatabaseUnavailable  the row keeps its lease; the sweeper rings when it has run out
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
