import { ClaimLost, type UploadRepository } from '@airlock/database'
import { type ErrorCode, InspectionFailed, refusal } from '@airlock/domain'
import { ObjectChanged, ObjectMissing, type ObjectStore } from '@airlock/storage'
import { emptyIfFinal } from './empty-quarantine.ts'
import type { Log } from './log.ts'
import type { AttemptFailed } from './process-upload.ts'

export interface SettleOptions {
  uploads: Pick<UploadRepository, 'release' | 'park' | 'byId'>
  store: Pick<ObjectStore, 'purge' | 'head'>
  patience: Patience
  /** The wait before the next attempt, should there be one. */
  retryInMs: number
  log: Log
}

/** How long an upload is tried again whose attempts fail by servers' fault: both must be over before it is parked. */
export interface Patience {
  readonly minAttempts: number
  readonly retryForSeconds: number
}

/** Tries that a file gets whose reading crashes, or needs too much time or memory: the machine may just have been loaded. */
const maxInspections = 3

/** How the fault of a failed inspection is written, with how many there were in a row. */
const inspectionFault = (count: number, { message }: InspectionFailed): string => `inspection failed ${count}×: ${message}`
const inspectionsFailed = (fault: string | null): number => Number(/^inspection failed (\d+)×: /.exec(fault ?? '')?.[1] ?? 0)

/** Why an attempt failed, and whether another could go better. */
interface Fault {
  /** For operators. */
  readonly text: string
  /** What its owner is told once it is parked. */
  readonly code: Extract<ErrorCode, 'upload_vanished' | 'inspection_failed' | 'processing_failed'>
  readonly isHopeless: boolean
}

function faultOf({ claim, cause }: AttemptFailed, { minAttempts, retryForSeconds }: Patience): Fault {
  const usedUp = claim.tries >= minAttempts && claim.failingForSeconds >= retryForSeconds
  if (cause instanceof ObjectChanged || cause instanceof ObjectMissing) {
    return { text: String(cause), code: 'upload_vanished', isHopeless: true }
  }
  if (cause instanceof InspectionFailed) {
    // an operator's retry ends the time of failing, and with it the row of failed inspections
    const before = claim.failingForSeconds > 0 ? inspectionsFailed(claim.lastFault) : 0
    const count = before + 1
    return { text: inspectionFault(count, cause), code: 'inspection_failed', isHopeless: usedUp || count >= maxInspections }
  }
  return { text: String(cause), code: 'processing_failed', isHopeless: usedUp }
}

/**
 * Decides what becomes of an upload whose attempt failed by servers' or our own fault: back to `received` for another try, or `parked`
 * with its object kept, once our patience is used up. Bytes that are gone or changed are parked at once: trying again brings nothing back.
 * A file that takes its inspector down is parked after its third try in a row.
 *
 * @returns `lost` when another attempt owns the upload by now: it will settle it
 * @throws DatabaseUnavailable  the row keeps its lease; the sweeper rings when it has run out
 */
export async function settleFailedAttempt(
  failed: AttemptFailed,
  { uploads, store, patience, retryInMs, log }: SettleOptions,
): Promise<'released' | 'parked' | 'lost'> {
  const { claim, cause } = failed
  const { text, code, isHopeless } = faultOf(failed, patience)
  const about = {
    uploadId: claim.uploadId,
    userId: claim.userId,
    requestId: claim.requestId,
    filename: claim.filename,
    attempt: claim.attempt,
  }
  try {
    if (!isHopeless) {
      await uploads.release(claim, text, { retryInMs })
      log.warn({ ...about, err: cause, retryInMs, step: 'release' }, 'attempt failed, upload waits for another')
      return 'released'
    }
    await uploads.park(claim, refusal(code, { filename: claim.filename }), text)
    log.error({ ...about, err: cause, step: 'park' }, 'upload parked: an operator must look')
    return 'parked'
  } catch (error) {
    if (!(error instanceof ClaimLost)) throw error
    log.warn({ ...about, step: 'release' }, 'another attempt owns the upload')
    await emptyIfFinal(claim, { uploads, store, log }) // it may be lost to ourselves, by a statement whose answer got lost
    return 'lost'
  }
}
