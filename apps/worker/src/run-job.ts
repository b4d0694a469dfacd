import { backoffMs, withTimeout } from '@airlock/async'
import type { AssetRecord, AssetRepository, UploadRecord } from '@airlock/database'
import { type JobStatus, jobStatusOf } from '@airlock/domain'
import {
  type Outcome,
  type RefusedVideo,
  type RegisteredVideo,
  type RegisterVideoDeps,
  type RetryReason,
  registerVideo,
  type WorkDeps,
  type WorkLimits,
  workOn,
} from '@airlock/lifecycle'
import {
  type AirlockJob,
  commandTimeoutMs,
  defaultPriority,
  type GeneratedVideo,
  generatedVideoJob,
  type JobResult,
  jobResult,
  PayloadMalformed,
  parseJob,
  type RefusedProgress,
} from '@airlock/queue'
import { DelayedError, type Job, UnrecoverableError, WaitingError } from 'bullmq'

export interface RunJobDeps extends Omit<WorkDeps, 'onProgress'> {
  assets: Pick<AssetRepository, 'ofUpload'>
  limits: Omit<WorkLimits, 'projectConcurrency'>
  /** Concurrent pipeline videos of one project over all workers; 0: unlimited. */
  maxRunningPerProject: number
  /** For the `s3://bucket/key` of assets. */
  bucket: string
  onOutcome(outcome: Outcome['ended'] | 'refused'): void
  onRetry(reason: RetryReason): void
  /** This run has made an asset. */
  onCompleted(asset: AssetRecord): void
  onRegistered: NonNullable<RegisterVideoDeps['onRegistered']>
}

/**
 * Runs any job. A video that the pipeline announces is registered first; then it is an upload like any other. A job that violates its schema, or
 * announces an object that does not exist or belongs to another upload, fails with a reason and is not retried (`ops jobs` lists it). That ends
 * the job, not the video: the sweeper registers a video in the inbox that has the required metadata, as if there had been no job.
 *
 * @param signal fires when the job's lock is lost
 * @returns the result for callers that wait for the job; null if the upload has none
 */
export async function runJob(job: Job, token: string | undefined, signal: AbortSignal, deps: RunJobDeps): Promise<JobResult | null> {
  const announced = jobOf(job, deps)
  const uploadId = announced.payload.upload_id.toLowerCase()
  if (announced.name === generatedVideoJob) {
    const registered = await register(announced.payload, deps)
    if (registered.outcome === 'asset') return completed(uploadId, registered.asset, deps)
    if (registered.outcome === 'refused') return refuse(job, announced.payload, registered, deps)
  }
  const projectConcurrency = { maxRunning: deps.maxRunningPerProject, retryInMs: retryThrottledMs(job.attemptsStarted) }
  const onProgress = (part: number) => answerOf(job.updateProgress(part))
  const outcome = await workOn(uploadId, { ...deps.limits, projectConcurrency }, signal, { ...deps, onProgress })
  deps.onOutcome(outcome.ended)
  if (outcome.ended === 'retry') deps.onRetry(outcome.reason)
  switch (outcome.ended) {
    case 'completed':
      deps.onCompleted(outcome.asset)
      return completed(uploadId, outcome.asset, deps)
    case 'rejected':
      return jobResult({ status: 'rejected', uploadId, error: outcome.refusal })
    case 'parked':
      // the result for the pipeline comes from the row, and an operator may still retry the upload
      if (await isOfPipeline(announced, deps)) return resultOfRow(uploadId, deps)
      throw new UnrecoverableError(`attempt ${outcome.attempt} of upload ${uploadId} failed`)
    case 'retry':
    case 'leased':
    case 'throttled':
      return delay(job, token, outcome.retryInMs)
    case 'handed_back':
      return outcome.retryInMs === 0 ? toWait(job, token) : delay(job, token, outcome.retryInMs)
    case 'stopped':
      return toWait(job, token)
    case 'lost':
    case 'nothing':
      return resultOfRow(uploadId, deps)
    default:
      throw new Error(`unknown outcome: ${JSON.stringify(outcome satisfies never)}`)
  }
}

/** A throttled project is retried soon, so that its next video starts when one ends; the claim lengthens the delay for projects with many videos. */
const throttledFor = { firstMs: 250, maxMs: 1000 } as const

/** @param tries how often the job was started, from 1 */
const retryThrottledMs = (tries: number): number => backoffMs(Math.max(1, tries), throttledFor)

/** @throws DelayedError always, which tells BullMQ that the job was moved */
async function delay(job: Job, token: string | undefined, inMs: number): Promise<never> {
  await answerOf(job.moveToDelayed(Date.now() + inMs, token))
  throw new DelayedError()
}

/**
 * Gives the job of a stopping worker to another one. The row was handed back before, so that whoever takes the job at once can claim the upload.
 * Without Postgres the row's lease expires, and the job waits for that; without Redis BullMQ's check for stalled jobs finds the job, or the
 * sweeper enqueues it.
 *
 * @throws WaitingError always, which tells BullMQ that the job was moved and did not fail
 */
async function toWait(job: Job, token: string | undefined): Promise<never> {
  await answerOf(job.moveToWait(token))
  throw new WaitingError()
}

/** After registration the sweeper enqueues a pipeline's video as a plain upload job, and the pipeline waits for that job. */
async function isOfPipeline({ name, payload }: AirlockJob, { uploads }: RunJobDeps): Promise<boolean> {
  return name === generatedVideoJob || (await uploads.byId(payload.upload_id))?.door === 'pipeline'
}

/** Explains that the video of an unreadable job is not lost: its pipeline must not conclude that it was refused. */
const inboxRemains = 'this job is not retried, but a video in the inbox is still accepted by its own x-amz-meta headers'

/** @throws UnrecoverableError for a payload that violates its schema */
function jobOf({ name, id, data }: Job, { log, onOutcome }: RunJobDeps): AirlockJob {
  try {
    return parseJob(name, data)
  } catch (error) {
    if (!(error instanceof PayloadMalformed)) throw error
    log.error(
      { uploadId: id, job: name.slice(0, 80), err: error, step: 'read job' },
      'job payload violates its schema, not retried; a video in the inbox is still accepted by its metadata',
    )
    onOutcome('refused')
    throw new UnrecoverableError(name === generatedVideoJob ? `${error.message}; ${inboxRemains}` : error.message)
  }
}

function register(payload: GeneratedVideo, deps: RunJobDeps): Promise<RegisteredVideo> {
  const { upload_id: uploadId, user_id: userId, project_id: projectId, key } = payload
  const { filename, sha256 = null, metadata = null, priority = defaultPriority } = payload
  return registerVideo({ uploadId, userId, projectId, key, filename, sha256, metadata, priority }, deps)
}

/**
 * Ends the job of an announcement that a retry cannot make valid. Its progress tells the sweeper whether the owner is disputed.
 *
 * @throws UnrecoverableError always, with the reason
 */
async function refuse(job: Job, payload: GeneratedVideo, { reason, isDisputed }: RefusedVideo, deps: RunJobDeps): Promise<never> {
  const { upload_id: uploadId, user_id: userId, key } = payload
  deps.log.error({ uploadId, userId, key, reason, isDisputed, step: 'register' }, 'announced video refused, job not retried')
  deps.onOutcome('refused')
  const progress: RefusedProgress = { refused: isDisputed ? 'disputed' : 'invalid' }
  await answerOf(job.updateProgress(progress))
  throw new UnrecoverableError(reason)
}

/** Another worker ended the upload, or it is parked. */
async function resultOfRow(uploadId: string, deps: RunJobDeps): Promise<JobResult | null> {
  const upload = await deps.uploads.byId(uploadId)
  const status = upload === null ? null : jobStatusOf(upload.state)
  if (upload === null || status === null) return null
  return status === 'completed' ? completedNow(uploadId, deps) : refusedOf(upload, status)
}

function refusedOf({ id, refusal }: UploadRecord, status: JobStatus): JobResult | null {
  if ((status !== 'rejected' && status !== 'failed') || refusal === null) return null
  return jobResult({ status, uploadId: id, error: refusal })
}

/** @returns null if the asset has been deleted since */
async function completedNow(uploadId: string, deps: RunJobDeps): Promise<JobResult | null> {
  const asset = await deps.assets.ofUpload(uploadId)
  return asset === null ? null : completed(uploadId, asset, deps)
}

const completed = (uploadId: string, { id, s3Key }: AssetRecord, { bucket }: RunJobDeps): JobResult =>
  jobResult({ status: 'completed', uploadId, assetId: id, s3Url: `s3://${bucket}/${s3Key}` })

/**
 * Bounds a job's command to Redis. The worker's connection waits for an unavailable Redis without limit, and the job must not.
 *
 * @throws Error when there is no reply in time; the command may still be executed
 */
const answerOf = <T>(command: Promise<T>): Promise<T> =>
  withTimeout(command, commandTimeoutMs, () => new Error(`redis did not answer in ${commandTimeoutMs} ms`))
