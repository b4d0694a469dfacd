import { type AssetRecord, type Claim, type ProjectConcurrency, UnknownUser, type UploadRepository } from '@airlock/database'
import { type ByteSource, type Refusal, refusal, type SizeLimits, type Verdict } from '@airlock/domain'
import type { ObjectStore } from '@airlock/storage'
import { withLease } from './claim.ts'
import { completeFromCopy } from './complete-from-copy.ts'
import { emptyIfFinal } from './empty-quarantine.ts'
import type { Log } from './log.ts'
import { measure } from './measure.ts'
import { promote } from './promote.ts'
import { reject } from './reject.ts'
import { sourceAddress } from './source-address.ts'

/** Inspects bytes. Injected, so that the lifecycle does not load image decoders. */
export type Inspect = (source: ByteSource, claim: Claim, signal: AbortSignal) => Promise<Verdict>

export interface ProcessDeps {
  uploads: UploadRepository
  store: ObjectStore
  inspect: Inspect
  log: Log
  leaseSeconds: number
  /** How many of the pipeline's videos of one project may run at once; absent: no limit. */
  projectConcurrency?: ProjectConcurrency
  /** The size limits of the pipeline's videos; all other uploads were measured at their door. */
  sizeLimits: SizeLimits
  /** Called with the completed part of the steps, from 0 to 1, for display only: its failures are ignored. */
  onProgress?: (part: number) => Promise<void>
}

/** The steps of a run, as parts of the whole. */
const progress = { inspected: 0.5 } as const

/** The result of one run for an upload. */
export type Outcome =
  | { readonly ended: 'completed'; readonly asset: AssetRecord }
  | { readonly ended: 'rejected'; readonly refusal: Refusal }
  /** Nothing to do: the upload is final, parked, or unknown. */
  | { readonly ended: 'nothing'; readonly why: string }
  /** Another worker has the lease; retry when it expires. */
  | { readonly ended: 'leased'; readonly retryInMs: number }
  /** The maximum of concurrent videos of its project is running; retry soon. */
  | { readonly ended: 'throttled'; readonly retryInMs: number }

/** A step failed through a fault of a server or of ours. The caller decides by the claim whether to retry or park. */
export class AttemptFailed extends Error {
  override name = 'AttemptFailed'
  readonly claim: Claim

  constructor(claim: Claim, cause: unknown) {
    super(`attempt ${claim.attempt} of upload ${claim.uploadId} failed`, { cause })
    this.claim = claim
  }
}

/**
 * Processes an accepted upload: claim, measure if no door has measured it, inspect, then promote or reject.
 *
 * @param signal aborts when another worker got the job
 * @throws AttemptFailed  after a claim; the row is still `processing` and leased, for the caller to release or park
 * @throws DatabaseUnavailable  before a claim; nothing was changed
 */
export async function processUpload(uploadId: string, signal: AbortSignal, deps: ProcessDeps): Promise<Outcome> {
  const outcome = await deps.uploads.claim(uploadId, deps)
  if (!outcome.claimed) {
    if (outcome.reason === 'leased') return { ended: 'leased', retryInMs: outcome.leaseEndsInMs }
    if (outcome.reason === 'throttled') return { ended: 'throttled', retryInMs: outcome.retryInMs }
    // The worker that ended it may have died before its last step.
    if (outcome.reason === 'final') await emptyIfFinal({ uploadId }, deps)
    return { ended: 'nothing', why: outcome.reason }
  }
  const { claim } = outcome
  try {
    const work = (leased: AbortSignal) =>
      inspectAndMove(claim, leased, deps).catch((failure: unknown) => completeOrReject(claim, failure, leased, deps))
    return await withLease(claim, work, { ...deps, signal })
  } catch (cause) {
    throw new AttemptFailed(claim, cause)
  }
}

async function inspectAndMove(given: Claim, signal: AbortSignal, deps: ProcessDeps): Promise<Outcome> {
  const { log } = deps
  const about = {
    uploadId: given.uploadId,
    userId: given.userId,
    requestId: given.requestId,
    filename: given.filename,
    attempt: given.attempt,
  }
  const started = performance.now()
  const ms = () => Math.round(performance.now() - started)
  const rejected = async (claim: Claim, why: Refusal): Promise<Outcome> => {
    await reject(claim, why, deps)
    log.info({ ...about, code: why.code, detail: why.detail, ms: ms(), step: 'reject' }, 'upload rejected')
    return { ended: 'rejected', refusal: why }
  }
  const source = deps.store.source(sourceAddress(given), { etag: given.etag, sizeBytes: given.sizeBytes, signal })
  const measured = await measure(given, source, signal, deps)
  if (!measured.ok) return rejected(given, measured.refusal)
  const { claim } = measured
  const verdict = await deps.inspect(source, claim, signal)
  signal.throwIfAborted()
  await reportProgress(progress.inspected, about, deps)
  log.info({ ...about, ok: verdict.ok, ms: ms(), step: 'inspect' }, 'upload inspected')
  if (!verdict.ok) return rejected(claim, verdict.refusal)
  const asset = await promote(claim, verdict, signal, deps).catch((error: unknown) => rejectOrphan(claim, error, deps))
  if (asset === null) return { ended: 'rejected', refusal: refusal('unknown_user', {}) }
  log.info(
    { ...about, assetId: asset.id, finalKey: claim.finalKey, sizeBytes: claim.sizeBytes, ms: ms(), step: 'promote' },
    'upload completed',
  )
  return { ended: 'completed', asset }
}

async function completeOrReject(claim: Claim, failure: unknown, signal: AbortSignal, deps: ProcessDeps): Promise<Outcome> {
  const asset = await completeFromCopy(claim, failure, signal, deps).catch((error: unknown) => rejectOrphan(claim, error, deps))
  return asset === null ? { ended: 'rejected', refusal: refusal('unknown_user', {}) } : { ended: 'completed', asset }
}

async function reportProgress(part: number, about: object, { onProgress, log }: ProcessDeps): Promise<void> {
  await onProgress?.(part).catch((err: unknown) => log.warn({ ...about, err }, 'progress not reported'))
}

/** The owner was deleted during the attempt, so the asset would have no owner: the upload is rejected, and its copy at the final key is purged. */
async function rejectOrphan(claim: Claim, error: unknown, deps: ProcessDeps): Promise<null> {
  if (!(error instanceof UnknownUser)) throw error
  await reject(claim, refusal('unknown_user', {}), deps, { copied: true })
  deps.log.info({ uploadId: claim.uploadId, userId: claim.userId, code: 'unknown_user', step: 'reject' }, 'upload rejected')
  return null
}
