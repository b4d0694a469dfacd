import type { AssetRecord, AssetRepository, UploadRecord } from '@airlock/database'
import { type JobStatus, jobStatusOf } from '@airlock/domain'
import { AnnouncementRefused, type RegisteredVideo, registerVideo } from '@airlock/lifecycle'
import {
  type AirlockJob,
  defaultPriority,
  type GeneratedVideo,
  generatedVideoJob,
  type JobResult,
  jobResult,
  PayloadMalformed,
  parseJob,
} from '@airlock/queue'
import { type Job, UnrecoverableError } from 'bullmq'
import { handleProcessUpload, type ProcessUploadDeps, type UploadEnded } from './process-upload.ts'

export interface RunJobDeps extends Omit<ProcessUploadDeps, 'onOutcome'> {
  assets: Pick<AssetRepository, 'ofUpload'>
  /** For the `s3://bucket/key` of assets. */
  bucket: string
  onOutcome(outcome: Parameters<ProcessUploadDeps['onOutcome']>[0] | 'refused'): void
}

/**
 * Runs any job. A video that the pipeline announces is registered first; then it is an upload like any other. A job that violates its schema, or
 * announces an object that does not exist or belongs to another upload, fails with a reason and is not retried (`ops jobs` lists it). That ends
 * the job, not the video: the sweeper registers a video in the inbox that has the required metadata, as if there had been no job.
 *
 * @returns the result for callers that wait for the job; null if another worker ends the upload
 */
export async function runJob(job: Job, token: string | undefined, signal: AbortSignal, deps: RunJobDeps): Promise<JobResult | null> {
  const announced = jobOf(job, deps)
  const uploadId = announced.payload.upload_id.toLowerCase()
  if (announced.name === generatedVideoJob) {
    const registered = await register(announced.payload, deps)
    if ('asset' in registered) return completed(uploadId, registered.asset, deps)
  }
  try {
    const ended = await handleProcessUpload(uploadId, job, token, signal, deps)
    if (ended !== null) return resultOfRun(uploadId, ended, deps)
  } catch (error) {
    // parked: the result for the pipeline comes from the row, and an operator may still retry the upload
    if (!(error instanceof UnrecoverableError) || !(await isOfPipeline(announced, deps))) throw error
  }
  return resultOfRow(uploadId, deps)
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

/** @throws UnrecoverableError for an announcement that a retry cannot make valid */
async function register(payload: GeneratedVideo, deps: RunJobDeps): Promise<RegisteredVideo> {
  const { upload_id: uploadId, user_id: userId, project_id: projectId, key } = payload
  const { filename, sha256 = null, metadata = null, priority = defaultPriority } = payload
  try {
    return await registerVideo({ uploadId, userId, projectId, key, filename, sha256, metadata, priority }, deps)
  } catch (error) {
    if (!(error instanceof AnnouncementRefused)) throw error
    deps.log.error({ uploadId, userId, key, err: error, step: 'register' }, 'announced video refused, job not retried')
    deps.onOutcome('refused')
    throw new UnrecoverableError(error.message)
  }
}

const resultOfRun = (uploadId: string, ended: UploadEnded, deps: RunJobDeps): JobResult =>
  ended.ended === 'completed' ? completed(uploadId, ended.asset, deps) : jobResult({ status: 'rejected', uploadId, error: ended.refusal })

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
