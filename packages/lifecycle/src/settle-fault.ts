import { backoffMs } from '@airlock/async'
import { type Claim, ClaimLost, DatabaseUnavailable, type UploadRepository } from '@airlock/database'
import type { Log } from '@airlock/domain'
import { InspectionFailed, type InspectionFault, InspectorBusy, type Refusal, refusal } from '@airlock/domain'
import { ObjectChanged, ObjectMissing, type ObjectStore, StoreError } from '@airlock/storage'
import { aboutClaim, LeaseLost } from './moves/claim.ts'
import { handBack } from './moves/hand-back.ts'
import { type ParkCode, park } from './moves/park.ts'
import { reject } from './moves/reject.ts'
import { type RetryPolicy, retryLater } from './moves/retry.ts'
import { emptyIfFinal } from './upload-objects.ts'

export interface SettleDeps {
  uploads: Pick<UploadRepository, 'retryLater' | 'park' | 'reject' | 'handBack' | 'byId'>
  store: Pick<ObjectStore, 'purge' | 'head'>
  log: Log
  /** From 0 to 1; absent: `Math.random`. */
  random?: () => number
}

/** What failed when an attempt has to be repeated. */
export const retryReasons = ['store', 'database', 'inspection', 'lease_lost', 'other'] as const
export type RetryReason = (typeof retryReasons)[number]

/** @param fault the error of an attempt, or of its job */
export function retryReason(fault: unknown): RetryReason {
  if (fault instanceof StoreError) return 'store'
  if (fault instanceof DatabaseUnavailable) return 'database'
  if (fault instanceof InspectionFailed) return 'inspection'
  return fault instanceof LeaseLost ? 'lease_lost' : 'other'
}

/** The result for an upload whose attempt failed. */
export type Settled =
  /** It waits for another attempt, which is due in `retryInMs`. */
  | { readonly ended: 'retry'; readonly retryInMs: number; readonly reason: RetryReason }
  | { readonly ended: 'parked'; readonly attempt: number }
  | { readonly ended: 'rejected'; readonly refusal: Refusal }
  /** It was released as if it had not been claimed, and may be claimed again in `retryInMs`. */
  | { readonly ended: 'handed_back'; readonly retryInMs: number }
  /** Another attempt owns the upload, and will settle it. */
  | { readonly ended: 'lost' }

/** The maximum of inspections without a verdict: the machine may have been under load. The last one runs alone. */
const maxInspections = 3

/** An operator's retry resets the time of failing, and with it the count of failed inspections. */
const failedInspections = ({ failingForSeconds, failedInspections: count }: Claim): number => (failingForSeconds === null ? 0 : count)

/** Whether this attempt's inspection is the upload's last one, which must run alone: if it fails, that is final. */
export const isLastInspection = (claim: Claim): boolean => failedInspections(claim) >= maxInspections - 1

/** A last inspection usually takes less than a minute. */
const inspectorBusyFor = { firstMs: 4000, maxMs: 4000 } as const

/** Spreads the attempts at a file that crashed its inspector: the machine may just have been overloaded. */
const extraDoublingsAfterCrash = 3

/** What to do after a failed attempt. */
type Decision =
  /** The last inspection has to wait for that of another file. It waits on the queue, where it does not occupy a slot of the lane. */
  | { readonly kind: 'hand back' }
  | { readonly kind: 'retry'; readonly failedInspections: number; readonly extraDoublings: number }
  /** The code is reported to the owner. */
  | { readonly kind: 'park'; readonly code: ParkCode }
  | { readonly kind: 'reject'; readonly why: Refusal }

function decide(claim: Claim, fault: unknown, { minAttempts, retryForSeconds }: RetryPolicy): Decision {
  const isExhausted = claim.tries >= minAttempts && (claim.failingForSeconds ?? 0) >= retryForSeconds
  if (fault instanceof InspectorBusy) return { kind: 'hand back' }
  // Only the client of a direct upload has URLs with which the object could be written again.
  if (fault instanceof ObjectChanged && claim.door === 'direct')
    return { kind: 'reject', why: refusal('object_changed', { filename: claim.filename }) }
  if (fault instanceof ObjectChanged || fault instanceof ObjectMissing) return { kind: 'park', code: 'upload_vanished' }
  if (fault instanceof InspectionFailed) {
    const reason = fault.alone ? complexity(fault.fault) : null
    if (reason !== null) return { kind: 'reject', why: refusal('file_too_complex', { filename: claim.filename, reason }) }
    const count = failedInspections(claim) + 1
    return isExhausted || count >= maxInspections
      ? { kind: 'park', code: 'inspection_failed' }
      : { kind: 'retry', failedInspections: count, extraDoublings: extraDoublingsAfterCrash }
  }
  return isExhausted ? { kind: 'park', code: 'processing_failed' } : { kind: 'retry', failedInspections: 0, extraDoublings: 0 }
}

/** Why a file is too complex, for its owner; null when the file is not to blame. */
function complexity(fault: InspectionFault): string | null {
  switch (fault.kind) {
    case 'cpu_time':
      return `inspecting it takes more than ${fault.limitSeconds} s of CPU time`
    case 'memory':
      return `inspecting it takes more than ${fault.limitMiB} MiB of memory`
    case 'crash':
      return 'it crashed the inspecting process at every attempt'
    case 'machine':
      return null
    default:
      throw new Error(`unknown fault: ${JSON.stringify(fault satisfies never)}`)
  }
}

/**
 * Settles an upload whose attempt reached no verdict: back to `received` for another attempt, or `parked` with its object kept once the retry
 * limits are exceeded. If the bytes are missing or changed, the upload is parked at once: a retry can't restore them. A changed direct upload is
 * rejected: its client changed it.
 *
 * A file that crashes its inspector, or exceeds its limits, gets three attempts. If the last one, which runs alone, exceeds a limit of CPU
 * time or memory or crashes, the file is to blame and is rejected. If the machine may be to blame, it is parked.
 *
 * @throws DatabaseUnavailable  the row keeps its lease; the sweeper enqueues the upload when it has expired
 */
export async function settleFault(
  claim: Claim,
  fault: unknown,
  retry: RetryPolicy,
  { uploads, store, log, random }: SettleDeps,
): Promise<Settled> {
  const { attempt, tries } = claim
  const about = aboutClaim(claim)
  const decision = decide(claim, fault, retry)
  try {
    switch (decision.kind) {
      case 'hand back':
        if ((await handBack(claim, { uploads, store, log })) === 'lost') return { ended: 'lost' }
        return { ended: 'handed_back', retryInMs: backoffMs(1, inspectorBusyFor, random) }
      case 'retry': {
        const retryInMs = backoffMs(tries + decision.extraDoublings, retry, random)
        await retryLater(claim, fault, { retryInMs, failedInspections: decision.failedInspections }, { uploads, log })
        return { ended: 'retry', retryInMs, reason: retryReason(fault) }
      }
      case 'park':
        await park(claim, decision.code, fault, { uploads, log })
        return { ended: 'parked', attempt }
      case 'reject': {
        const { why } = decision
        await reject(claim, why, { uploads, store, log })
        log.warn({ ...about, err: fault, code: why.code, detail: why.detail, step: 'reject' }, 'upload rejected')
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
