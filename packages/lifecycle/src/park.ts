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
  /** The wait before the next attempt, should there be one. */
  retryInMs: number
  log: Log
}

/** What became of an upload whose attempt failed. */
export type Settled = { readonly ended: 'released' | 'parked' | 'lost' } | { readonly ended: 'rejected'; readonly refusal: Refusal }

/** How long an upload is tried again whose attempts fail by servers' fault: both must be over before it is parked. */
export interface RetryLimits {
  readonly minAttempts: number
  readonly retryForSeconds: number
}

/** Tries that a file gets whose inspection comes to no verdict: the machine may just have been loaded. The last one runs alone. */
const maxInspections = 3

/** An operator's retry ends the time of failing, and with it the row of failed inspections. */
const failedInspections = ({ failingForSeconds, failedInspections: count }: Claim): number => (failingForSeconds > 0 ? count : 0)

/** Whether this attempt's inspection is the upload's last one, which has to run alone: should it fail, it decides. */
export const isLastInspection = (claim: Claim): boolean => failedInspections(claim) >= maxInspections - 1

/** What an attempt that failed leads to. */
type Decision =
  | { readonly kind: 'release'; readonly failedInspections: number }
  /** The code is what its owner is told. */
  | { readonly kind: 'park'; readonly code: Extract<ErrorCode, 'upload_vanished' | 'inspection_failed' | 'processing_failed'> }
  | { readonly kind: 'reject'; readonly reason: string }

function decide({ claim, cause }: AttemptFailed, { minAttempts, retryForSeconds }: RetryLimits): Decision {
  const usedUp = claim.tries >= minAttempts && claim.failingForSeconds >= retryForSeconds
  if (cause instanceof ObjectChanged || cause instanceof ObjectMissing) return { kind: 'park', code: 'upload_vanished' }
  if (cause instanceof InspectionFailed) {
    const reason = cause.alone ? complexity(cause.fault) : null
    if (reason !== null) return { kind: 'reject', reason }
    const count = failedInspections(claim) + 1
    return usedUp || count >= maxInspections ? { kind: 'park', code: 'inspection_failed' } : { kind: 'release', failedInspections: count }
  }
  return usedUp ? { kind: 'park', code: 'processing_failed' } : { kind: 'release', failedInspections: 0 }
}

/** What is too complex in a file, for its owner; null when it is not the file's fault. */
function complexity(fault: InspectionFault): string | null {
  switch (fault.kind) {
    case 'cpu_time':
      return `reading it takes more than ${fault.limitSeconds} s of processor time`
    case 'memory':
      return `reading it takes more than ${fault.limitMiB} MiB of memory`
    case 'crash':
      return 'it breaks the program that reads it, each time anew'
    case 'machine':
      return null
    default:
      throw new Error(`no such fault: ${JSON.stringify(fault satisfies never)}`)
  }
}

/**
 * Decides what becomes of an upload whose attempt came to no verdict: back to `received` for another try; or `parked` with its object kept, once
 * our patience is used up. Bytes that are gone or changed are parked at once: trying again brings nothing back.
 *
 * A file that takes its inspector down, or needs more than that may use, gets three tries. When the last one, which runs alone, exceeds a limit
 * of processor time or memory or crashes, the file is to blame and rejected. What may be the machine's fault parks it.
 *
 * @returns `lost` when another attempt owns the upload by now: it will settle it
 * @throws DatabaseUnavailable  the row keeps its lease; the sweeper rings when it has run out
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
        log.warn({ ...about, err: cause, retryInMs, step: 'release' }, 'attempt failed, upload waits for another')
        return { ended: 'released' }
      case 'park':
        await uploads.park(claim, refusal(decision.code, { filename: claim.filename }), String(cause))
        log.error({ ...about, err: cause, step: 'park' }, 'upload parked: an operator must look')
        return { ended: 'parked' }
      case 'reject': {
        const why = refusal('file_too_complex', { filename: claim.filename, reason: decision.reason })
        await reject(claim, why, { uploads, store, log })
        log.warn({ ...about, err: cause, code: why.code, detail: why.detail, step: 'reject' }, 'upload rejected')
        return { ended: 'rejected', refusal: why }
      }
      default:
        throw new Error(`no such decision: ${JSON.stringify(decision satisfies never)}`)
    }
  } catch (error) {
    if (!(error instanceof ClaimLost)) throw error
    log.warn({ ...about, step: 'release' }, 'another attempt owns the upload')
    await emptyIfFinal(claim, { uploads, store, log }) // it may be lost to ourselves, by a statement whose answer got lost
    return { ended: 'lost' }
  }
}
