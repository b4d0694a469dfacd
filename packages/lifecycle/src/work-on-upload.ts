import {
  type AssetRecord,
  type Claim,
  type ClaimAttempt,
  type ProjectConcurrency,
  UnknownUser,
  type UploadRepository,
} from '@airlock/database'
import type { Log } from '@airlock/domain'
import { type ByteSource, type Refusal, refusal, type SizeLimits, type Verdict } from '@airlock/domain'
import { ObjectChanged, ObjectMissing, type ObjectStore, type StoredObject } from '@airlock/storage'
import { type MeasuredClaim, measure } from './intake/measure.ts'
import { aboutClaim, withLease } from './moves/claim.ts'
import { handBack } from './moves/hand-back.ts'
import { promote } from './moves/promote.ts'
import { reject } from './moves/reject.ts'
import type { RetryPolicy } from './moves/retry.ts'
import { type Settled, settleFault } from './settle-fault.ts'
import { emptyIfFinal, emptyQuarantine, finalCopyOf, sourceAddress } from './upload-objects.ts'

/** Inspects bytes. Injected, so that the lifecycle does not load image decoders. */
export type Inspect = (source: ByteSource, claim: Claim, signal: AbortSignal) => Promise<Verdict>

/** Whether this worker may process an upload now, in a slot that it releases afterwards, or only later. */
export type Admission = { readonly go: true; release(): void } | { readonly go: false; readonly retryInMs: number }

export interface WorkLimits {
  readonly leaseSeconds: number
  readonly retry: RetryPolicy
  /** The size limits of the pipeline's videos; all other uploads were measured at their door. */
  readonly sizeLimits: SizeLimits
  /** How many of the pipeline's videos of one project may run at once; absent: no limit. */
  readonly projectConcurrency?: ProjectConcurrency
}

export interface WorkDeps {
  uploads: UploadRepository
  store: ObjectStore
  inspect: Inspect
  log: Log
  /** Requests a slot for an upload before it is claimed. Absent: there always is one. The signal ends its wait. */
  admit?: (uploadId: string, signal: AbortSignal) => Promise<Admission>
  /** Fires when the worker shuts down and no longer waits for its uploads: unfinished ones are handed back. */
  stopping?: AbortSignal
  /** Called with the completed part of the steps, from 0 to 1, for display only: its failures are ignored. */
  onProgress?: (part: number) => Promise<void>
}

/** The steps of a run, as parts of the whole, and how long a step must take to be reported. */
const progress = { inspected: 0.5, visibleAfterMs: 100 } as const

/** The result of one run for an upload. With `retryInMs`, the upload needs another run, which is due after that time. */
export type Outcome =
  | Settled
  | { readonly ended: 'completed'; readonly asset: AssetRecord }
  /** Another worker has the lease; retry when it expires. */
  | { readonly ended: 'leased'; readonly retryInMs: number }
  /** The maximum of concurrent uploads of its user or project is running; retry soon. */
  | { readonly ended: 'throttled'; readonly retryInMs: number }
  /** The worker stops. The upload was not claimed, or its row could not be handed back: then its lease expires. */
  | { readonly ended: 'stopped' }
  /** Nothing to do: the upload is final, parked, or unknown. */
  | { readonly ended: 'nothing'; readonly why: string }

/**
 * Processes an accepted upload: claim, measure if no door has measured it, inspect, then promote or reject. A bad file is rejected at its first
 * attempt. Faults of servers and of ours are retried until the upload is parked. A worker that stops hands the upload back.
 *
 * @param signal aborts when another worker got the job
 * @throws DatabaseUnavailable  without a claim, nothing was changed; otherwise the row keeps its lease
 */
export async function workOn(uploadId: string, limits: WorkLimits, signal: AbortSignal, deps: WorkDeps): Promise<Outcome> {
  const { admit, stopping } = deps
  const ending = stopping === undefined ? signal : AbortSignal.any([signal, stopping])
  let admission: Admission | undefined
  try {
    if (stopping?.aborted) return { ended: 'stopped' } // taken from the queue just before the shutdown
    admission = await admit?.(uploadId, ending)
    if (admission?.go === false) return { ended: 'throttled', retryInMs: admission.retryInMs }
    const attempt = await deps.uploads.claim(uploadId, limits)
    return attempt.claimed ? await workOnClaimed(attempt.claim, limits, ending, deps) : await notClaimed(uploadId, attempt, deps)
  } catch (fault) {
    if (!stopping?.aborted) throw fault
    return { ended: 'stopped' }
  } finally {
    if (admission?.go) admission.release()
  }
}

async function notClaimed(uploadId: string, attempt: Extract<ClaimAttempt, { claimed: false }>, deps: WorkDeps): Promise<Outcome> {
  if (attempt.reason === 'leased') return { ended: 'leased', retryInMs: attempt.leaseEndsInMs }
  if (attempt.reason === 'throttled') return { ended: 'throttled', retryInMs: attempt.retryInMs }
  // The worker that ended it may have died before its last step.
  if (attempt.reason === 'final') await emptyIfFinal({ uploadId }, deps)
  return { ended: 'nothing', why: attempt.reason }
}

/** The one place where the faults of an attempt become an outcome. */
async function workOnClaimed(claim: Claim, limits: WorkLimits, signal: AbortSignal, deps: WorkDeps): Promise<Outcome> {
  const work = (leased: AbortSignal) =>
    inspectAndMove(claim, limits, leased, deps)
      .catch((fault: unknown) => completeFromCopy(claim, fault, limits, leased, deps))
      .catch((fault: unknown) => rejectOrphan(claim, fault, deps))
  try {
    return await withLease(claim, work, { ...deps, ...limits, signal })
  } catch (fault) {
    return deps.stopping?.aborted ? handBackStopped(claim, deps) : settleFault(claim, fault, limits.retry, deps)
  }
}

async function handBackStopped(claim: Claim, deps: WorkDeps): Promise<Outcome> {
  try {
    return (await handBack(claim, deps)) === 'lost' ? { ended: 'lost' } : { ended: 'handed_back', retryInMs: 0 }
  } catch (err) {
    deps.log.warn({ uploadId: claim.uploadId, err, step: 'hand back' }, 'upload not handed back, its lease will expire')
    return { ended: 'stopped' }
  }
}

async function inspectAndMove(given: Claim, limits: WorkLimits, signal: AbortSignal, deps: WorkDeps): Promise<Outcome> {
  const { log } = deps
  const about = aboutClaim(given)
  const started = performance.now()
  const ms = () => Math.round(performance.now() - started)
  const rejected = async (claim: Claim, why: Refusal): Promise<Outcome> => {
    await reject(claim, why, deps)
    log.info({ ...about, code: why.code, detail: why.detail, ms: ms(), step: 'reject' }, 'upload rejected')
    return { ended: 'rejected', refusal: why }
  }
  const judged = await judge(given, limits, signal, deps)
  if (!judged.measured) return rejected(given, judged.refusal)
  const { claim, verdict } = judged
  log.info({ ...about, ok: verdict.ok, ms: ms(), step: 'inspect' }, 'upload inspected')
  if (!verdict.ok) return rejected(claim, verdict.refusal)
  const asset = await reportingProgress(() => promote(claim, verdict, signal, deps), about, deps)
  log.info(
    { ...about, assetId: asset.id, finalKey: claim.finalKey, sizeBytes: claim.sizeBytes, ms: ms(), step: 'promote' },
    'upload completed',
  )
  return { ended: 'completed', asset }
}

type Judged =
  | { readonly measured: true; readonly claim: MeasuredClaim; readonly verdict: Verdict }
  | { readonly measured: false; readonly refusal: Refusal }

/** Measures and inspects the waiting bytes. Those that the source keeps in memory can be freed when this has returned. */
async function judge(given: Claim, limits: WorkLimits, signal: AbortSignal, deps: WorkDeps): Promise<Judged> {
  const { store, uploads } = deps
  const source = store.source(sourceAddress(given), { etag: given.etag, sizeBytes: given.sizeBytes, signal })
  // Loads the first bytes while the file waits for an inspector. When this fails, the first reader repeats it.
  source.read(0, 1).catch(() => {})
  const measured = await measure(given, source, signal, { uploads, ...limits })
  if (!measured.ok) return { measured: false, refusal: measured.refusal }
  const verdict = await deps.inspect(source, measured.claim, signal)
  signal.throwIfAborted()
  return { measured: true, claim: measured.claim, verdict }
}

/** Reports that the inspection is done, if the rest takes so long that somebody can see it. */
async function reportingProgress<T>(rest: () => Promise<T>, about: object, { onProgress, log }: WorkDeps): Promise<T> {
  if (onProgress === undefined) return rest()
  let reported: Promise<void> | undefined
  const timer = setTimeout(() => {
    reported = onProgress(progress.inspected).catch((err: unknown) => log.warn({ ...about, err }, 'progress not reported'))
  }, progress.visibleAfterMs)
  try {
    return await rest()
  } finally {
    clearTimeout(timer)
    await reported
  }
}

/**
 * Completes an upload whose waiting bytes are missing, from the copy that an earlier attempt made at its final key: it had become an asset, and
 * then an older database was restored. Nothing is copied; the copy is inspected again, and its hash compared.
 *
 * @param fault why the attempt failed; rethrown when there is no such copy, or it does not pass. Nothing was changed then
 * @throws ClaimLost  a later attempt owns the upload
 */
async function completeFromCopy(claim: Claim, fault: unknown, limits: WorkLimits, signal: AbortSignal, deps: WorkDeps): Promise<Outcome> {
  if (!(fault instanceof ObjectMissing || fault instanceof ObjectChanged)) throw fault
  const { store, uploads, log } = deps
  const { uploadId, finalKey } = claim
  const copy = await finalCopyOf({ ...claim, id: uploadId }, deps)
  if (copy === null) throw fault
  const verdict = await verdictOfCopy(claim, copy, limits, signal, deps)
  if (verdict === null || (await store.head(finalKey))?.etag !== copy.etag) throw fault
  const asset = await uploads.complete(verdict.claim, verdict)
  log.warn(
    { ...aboutClaim(claim), assetId: asset.id, finalKey, err: fault, step: 'promote' },
    'upload completed from its copy at the final key, its waiting bytes are missing',
  )
  await emptyQuarantine(claim, deps)
  return { ended: 'completed', asset }
}

/** @returns null when the copy differs from what was accepted, or does not pass */
async function verdictOfCopy(claim: Claim, copy: StoredObject, limits: WorkLimits, signal: AbortSignal, deps: WorkDeps) {
  const { contentHash, expectedHash, finalKey } = claim
  const source = deps.store.source(finalKey, { etag: copy.etag, sizeBytes: copy.sizeBytes, signal })
  const unread = { ...claim, contentHash: null, expectedHash: contentHash ?? expectedHash }
  const measured = await measure(unread, source, signal, { uploads: deps.uploads, ...limits })
  if (!measured.ok) return null
  const verdict = await deps.inspect(source, measured.claim, signal)
  signal.throwIfAborted()
  return verdict.ok && verdict.mediaType === copy.contentType ? { claim: measured.claim, ...verdict } : null
}

/** The owner was deleted during the attempt, so the asset would have no owner: the upload is rejected, and its copy at the final key is purged. */
async function rejectOrphan(claim: Claim, fault: unknown, deps: WorkDeps): Promise<Outcome> {
  if (!(fault instanceof UnknownUser)) throw fault
  const why = refusal('unknown_user', {})
  await reject(claim, why, deps, { copied: true })
  deps.log.info({ uploadId: claim.uploadId, userId: claim.userId, code: why.code, step: 'reject' }, 'upload rejected')
  return { ended: 'rejected', refusal: why }
}
