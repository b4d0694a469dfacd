import { type AssetRecord, type Claim, type ProjectConcurrency, UnknownUser, type UploadRepository } from '@airlock/database'
import { type ByteSource, type Refusal, refusal, type SizeLimits, type Verdict } from '@airlock/domain'
import type { ObjectStore } from '@airlock/storage'
import { withLease } from './claim.ts'
import { emptyIfFinal } from './empty-quarantine.ts'
import { finishFromCopy } from './finish-from-copy.ts'
import type { Log } from './log.ts'
import { measure } from './measure.ts'
import { promote } from './promote.ts'
import { reject } from './reject.ts'
import { sourceAddress } from './source-address.ts'

/** Reads bytes and says what they are. Passed in, so that the lifecycle loads no image decoder. */
export type Inspect = (source: ByteSource, claim: Claim, signal: AbortSignal) => Promise<Verdict>

export interface ProcessDeps {
  uploads: UploadRepository
  store: ObjectStore
  inspect: Inspect
  log: Log
  leaseSeconds: number
  /** How many of the pipeline's videos of one project may run at once; absent: no bound. */
  projectConcurrency?: ProjectConcurrency
  /** What the pipeline's videos may have; the others were measured at their door. */
  sizeLimits: SizeLimits
  /** Told the part of the steps that are done, from 0 to 1. Only for people who wait: its failures change nothing. */
  onProgress?: (part: number) => Promise<void>
}

/** The steps of a run, as parts of the whole. */
const progress = { inspected: 0.5 } as const

/** How a run of the worker ended for an upload. */
export type Outcome =
  | { readonly ended: 'completed'; readonly asset: AssetRecord }
  | { readonly ended: 'rejected'; readonly refusal: Refusal }
  /** Nothing to do: it is final or parked already, or nobody knows it. */
  | { readonly ended: 'nothing'; readonly why: string }
  /** Another worker is at it; look again when its lease ends. */
  | { readonly ended: 'leased'; readonly retryInMs: number }
  /** As many videos of its project run as may; look again soon. */
  | { readonly ended: 'throttled'; readonly retryInMs: number }

/** A step failed by servers' or our own fault. The claim says which attempt it was, for the decision to try again or park. */
export class AttemptFailed extends Error {
  override name = 'AttemptFailed'
  readonly claim: Claim

  constructor(claim: Claim, cause: unknown) {
    super(`attempt ${claim.attempt} of upload ${claim.uploadId} failed`, { cause })
    this.claim = claim
  }
}

/**
 * Takes an accepted upload to its end: claim, measure what no door has measured, inspect, then promote or reject.
 *
 * @param signal fires when the job was given to somebody else
 * @throws AttemptFailed  after a claim; the row is still `processing` and leased, for the caller to release or park
 * @throws DatabaseUnavailable  before a claim; nothing has changed
 */
export async function processUpload(uploadId: string, signal: AbortSignal, deps: ProcessDeps): Promise<Outcome> {
  const outcome = await deps.uploads.claim(uploadId, deps)
  if (!outcome.claimed) {
    if (outcome.reason === 'leased') return { ended: 'leased', retryInMs: outcome.leaseEndsInMs }
    if (outcome.reason === 'throttled') return { ended: 'throttled', retryInMs: outcome.retryInMs }
    // Whoever ended it may have died before its last step.
    if (outcome.reason === 'final') await emptyIfFinal({ uploadId }, deps)
    return { ended: 'nothing', why: outcome.reason }
  }
  const { claim } = outcome
  try {
    const work = (leased: AbortSignal) =>
      inspectAndMove(claim, leased, deps).catch((failure: unknown) => moveFromCopy(claim, failure, leased, deps))
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
  await tell(progress.inspected, about, deps)
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

async function moveFromCopy(claim: Claim, failure: unknown, signal: AbortSignal, deps: ProcessDeps): Promise<Outcome> {
  const asset = await finishFromCopy(claim, failure, signal, deps).catch((error: unknown) => rejectOrphan(claim, error, deps))
  return asset === null ? { ended: 'rejected', refusal: refusal('unknown_user', {}) } : { ended: 'completed', asset }
}

async function tell(part: number, about: object, { onProgress, log }: ProcessDeps): Promise<void> {
  await onProgress?.(part).catch((err: unknown) => log.warn({ ...about, err }, 'progress not told'))
}

/** The owner was deleted while we worked: nobody could own the asset, so the upload ends, and its copy at the final key is purged. */
async function rejectOrphan(claim: Claim, error: unknown, deps: ProcessDeps): Promise<null> {
  if (!(error instanceof UnknownUser)) throw error
  await reject(claim, refusal('unknown_user', {}), deps, { copied: true })
  deps.log.info({ uploadId: claim.uploadId, userId: claim.userId, code: 'unknown_user', step: 'reject' }, 'upload rejected')
  return null
}
