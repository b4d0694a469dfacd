import { ClaimLost, type UploadRepository } from '@airlock/database'
import { refusal } from '@airlock/domain'
import { ObjectChanged, ObjectMissing } from '@airlock/storage'
import type { Log } from './log.ts'
import type { AttemptFailed } from './process-upload.ts'

export interface SettleOptions {
  uploads: Pick<UploadRepository, 'release' | 'park'>
  maxAttempts: number
  log: Log
}

/**
 * Decides what becomes of an upload whose attempt failed by servers' or our own fault: back to `received` for another try, or `parked`
 * with its object kept, once its attempts are used up. Bytes that are gone or changed are parked at once: trying again brings nothing back.
 *
 * @returns `lost` when another attempt owns the upload by now: it will settle it
 * @throws DatabaseUnavailable  the row keeps its lease; the sweeper rings when it has run out
 */
export async function settleFailedAttempt(
  { claim, cause }: AttemptFailed,
  { uploads, maxAttempts, log }: SettleOptions,
): Promise<'released' | 'parked' | 'lost'> {
  const about = {
    uploadId: claim.uploadId,
    userId: claim.userId,
    requestId: claim.requestId,
    filename: claim.filename,
    attempt: claim.attempt,
  }
  const filename = claim.filename
  const bytesLost = cause instanceof ObjectChanged || cause instanceof ObjectMissing
  try {
    if (!bytesLost && claim.attempt < maxAttempts) {
      await uploads.release(claim, String(cause))
      log.warn({ ...about, err: cause, step: 'release' }, 'attempt failed, upload waits for another')
      return 'released'
    }
    await uploads.park(
      claim,
      bytesLost ? refusal('upload_vanished', { filename }) : refusal('processing_failed', { filename }),
      String(cause),
    )
    log.error({ ...about, err: cause, step: 'park' }, 'upload parked: an operator must look')
    return 'parked'
  } catch (error) {
    if (!(error instanceof ClaimLost)) throw error
    log.warn({ ...about, step: 'release' }, 'another attempt owns the upload')
    return 'lost'
  }
}
