import { type Claim, ClaimLost, type UploadRepository } from '@airlock/database'
import { type ErrorCode, InspectionFailed, type InspectionFault, type Refusal, refusal } from '@airlock/domain'
import { ObjectChanged, ObjectMissing, type ObjectStore } from '@airlock/storage'
import { emptyIfFinal } from './empty-quarantine.ts'
import type { Log } from './log.ts'
import type { AttemptFailed } from './process-upload.ts'
import { reject } from './reject.ts'

export interface SettleOptions {
  uploads: Pick<UploadRepository, 'release' | 'park' | 'reject' | 'byId'>
  store: Pick<ObjectStore, 'purge' | 'head'>
  retryLimits: RetryLimits
  /** The wait before the next attempt, if there is one. */
  retryInMs: number
  log: Log
}

/** The result for an upload whose attempt failed. */
export type Settled = { readonly ended: 'released' | 'parked' | 'lost' } | { readonly ended: 'rejected'; readonly refusal: Refusal }

/** The limits of retries after faults of servers: an upload is parked only when both are exceeded. */
export interface RetryLimits {
  readonly minAttempts: number
  readonly retryForSeconds: number
}

/** The maximum of inspections without a verdict: the machine may have been under load. The last one runs alone. */
const maxInspections = 3

/** An operator's retry resets the time of failing, and with it the count of failed inspections. */
const failedInspections = ({ failingForSeconds, failedInspections: count }: Claim): number => (failingForSeconds > 0 ? count : 0)

/** Whether this attempt's inspection is the upload's last one, which must run alone: if it fails, that is final. */
export const isLastInspection = (claim: Claim): boolean => failedInspections(claim) >= maxInspections - 1

/** What to do after a failed attempt. */
type Decision =
  | { readonly kind: 'release'; readonly failedInspections: number }
  /** The code is reported to the owner. */
  | { readonly kind: 'park'; readonly code: Extract<ErrorCode, 'upload_vanished' | 'inspection_failed' | 'processing_failed'> }
  | { readonly kind: 'reject'; readonly reason: string }

function decide({ claim, cause }: AttemptFailed, { minAttempts, retryForSeconds }: RetryLimits): Decision {
  const isExhausted = claim.tries >= minAttempts && claim.failingForSeconds >= retryForSeconds
  if (cause instanceof ObjectChanged || cause instanceof ObjectMissing) return { kind: 'park', code: 'upload_vanished' }
  if (cause instanceof InspectionFailed) {
    const reason = cause.alone ? complexity(cause.fault) : null
    if (reason !== null) return { kind: 'reject', reason }
    const count = failedInspections(claim) + 1
    return isExhausted || count >= maxInspections
      ? { kind: 'park', code: 'inspection_failed' }
      : { kind: 'release', failedInspections: count }
  }
  return isExhausted ? { kind: 'park', code: 'processing_failed' } : { kind: 'release', failedInspections: 0 }
}

/** Why a file is too complex, for its owner; null when the file is not to blame. */
function complexity(fault: InspectionFault): string | null {
  switch (fault.kind) {
    case 'cpu_time':
      return `reading it takes more than ${fault.limitSeconds} s of processor time`
    case 'memory':
      return `reading it takes more than ${fault.limitMiB} MiB of memory`
    case 'crash':
      return 'it crashes the program that reads it, every time'
    case 'machine':
      return null
    default:
      throw new Error(`unknown fault: ${JSON.stringify(fault satisfies never)}`)
  }
}

/**
 * Settles an upload whose attempt reached no verdict: back to `received` for another attempt, or `parked` with its object kept once the retry
 * limits are exceeded. If the bytes are missing or changed, the upload is parked at once: a retry can't restore them.
 *
 * A file that crashes its inspector, or exceeds its limits, gets three attempts. If the last one, which runs alone, exceeds a limit of processor
 * time or memory or crashes, the file is to blame and is rejected. If the machine may be to blame, it is parked.
 *
 * @returns `lost` when another attempt owns the upload, which will settle it
 * @throws DatabaseUnavailable  the row keeps its lease; the sweeper enqueues the upload when it has expired
 */
export async function settleFailedAttempt(
  failed: AttemptFailed,
  { uploads, store, retryLimits, retryInMs, log }: SettleOptions,
): Promise<Settled> {
  const { claim, cause } = failed
  const about = {
    uploadId: claim.uploadId,
    userId: claim.userId,
    requestId: claim.requestId,
    filename: claim.filename,
    attempt: claim.attempt,
  }
  const decision = decide(failed, retryLimits)
  try {
    switch (decision.kind) {
      case 'release':
        await uploads.release(claim, String(cause), { retryInMs, failedInspections: decision.failedInspections })
        log.warn({ ...about, err: cause, retryInMs, step: 'release' }, 'attempt failed, upload will be retried')
        return { ended: 'released' }
      case 'park':
        await uploads.park(claim, refusal(decision.code, { filename: claim.filename }), String(cause))
        log.error({ ...about, err: cause, step: 'park' }, 'upload parked, an operator must decide')
        return { ended: 'parked' }
      case 'reject': {
        const why = refusal('file_too_complex', { filename: claim.filename, reason: decision.reason })
        await reject(claim, why, { uploads, store, log })
        log.warn({ ...about, err: cause, code: why.code, detail: why.detail, step: 'reject' }, 'upload rejected')
        return { ended: 'rejected', refusal: why }
      }
      default:
        throw new Error(`unknown decision: ${JSON.stringify(decision satisfies never)}`)
    }
  } catch (error) {
    if (!(error instanceof ClaimLost)) throw error
    log.warn({ ...about, step: 'release' }, 'another attempt owns the upload')
    await emptyIfFinal(claim, { uploads, store, log }) // our own statement may have taken effect although its answer was lost
    return { ended: 'lost' }
  }
}
