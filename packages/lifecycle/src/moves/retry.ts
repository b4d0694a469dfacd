import type { Claim, OperatorNote, UploadRecord, UploadRepository } from '@airlock/database'
import type { Log } from '@airlock/domain'
import { assetKind } from '@airlock/domain'
import type { JobQueue } from '@airlock/queue'
import { aboutClaim } from './claim.ts'

/** When and how often an upload is retried. The attempts and times of the row decide, since the counters in Redis may be lost with Redis. */
export interface RetryPolicy {
  /** An upload is parked after faults of servers only when both limits are exceeded: of its attempts, and of the time of failing. */
  readonly minAttempts: number
  readonly retryForSeconds: number
  /** The delay after the first failed attempt; it doubles up to `maxMs`. */
  readonly firstMs: number
  readonly maxMs: number
}

/**
 * Releases a claimed upload whose attempt failed, for a later attempt.
 *
 * @param fault why the attempt failed, for operators
 * @throws ClaimLost  a later attempt owns the upload; nothing was changed
 */
export async function retryLater(
  claim: Claim,
  fault: unknown,
  { retryInMs, failedInspections }: { retryInMs: number; failedInspections: number },
  { uploads, log }: { uploads: Pick<UploadRepository, 'retryLater'>; log: Log },
): Promise<void> {
  await uploads.retryLater(claim, String(fault), { retryInMs, failedInspections })
  log.warn({ ...aboutClaim(claim), err: fault, retryInMs, step: 'release' }, 'attempt failed, upload will be retried')
}

export interface RetryDeps {
  uploads: Pick<UploadRepository, 'retryParked'>
  jobQueue: Pick<JobQueue, 'ensureEnqueued'>
  log: Log
}

/**
 * Retries a parked upload at an operator's request. Its attempts keep counting; the time of failing begins anew.
 *
 * @returns false when the upload is not parked; nothing was changed
 */
export async function retryParked(upload: UploadRecord, by: OperatorNote, deps: RetryDeps): Promise<boolean> {
  const { id: uploadId, userId } = upload
  if (!(await deps.uploads.retryParked(uploadId, by))) return false
  deps.log.info({ uploadId, userId, by: by.operator, step: 'retry' }, 'parked upload retried')
  await enqueueAgain(upload, deps)
  return true
}

/**
 * Lets a worker complete an upload that must not end otherwise, because its last copy is at the final key: its job is enqueued, after it was
 * moved out of `parked`.
 *
 * @param by the operator who wanted to end it; null for its owner
 */
export async function retryLastCopy(upload: UploadRecord, by: OperatorNote | null, deps: RetryDeps): Promise<void> {
  if (upload.state === 'parked') await deps.uploads.retryParked(upload.id, by)
  await enqueueAgain(upload, deps)
}

async function enqueueAgain(
  { id, assetType, traceparent }: UploadRecord,
  { jobQueue, log }: Pick<RetryDeps, 'jobQueue' | 'log'>,
): Promise<void> {
  if (assetType === null) throw new Error(`accepted upload ${id} has no asset type`)
  await jobQueue
    .ensureEnqueued(assetKind(assetType).lane, { uploadId: id, traceparent })
    .catch((err: unknown) => log.warn({ uploadId: id, err }, 'upload not enqueued, the sweeper retries'))
}
