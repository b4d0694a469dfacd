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
  /** Only to say where assets are: `s3://bucket/key`. */
  bucket: string
  onOutcome(outcome: Parameters<ProcessUploadDeps['onOutcome']>[0] | 'refused'): void
}

/**
 * Runs any job: a video that the pipeline announces is written down first, then it is an upload like any other. A job that breaks its schema, or
 * announces what is not there or not its own, fails with its reason and is not tried again (`ops jobs` lists it). That ends the job, not the video:
 * one that is in the inbox and says of itself what is needed is announced by the sweeper, as if there had been no job.
 *
 * @returns the end of the upload, for those who wait for the job; null when somebody else brings it to its end
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
    if (ended !== null) return endOf(uploadId, ended, deps)
  } catch (error) {
    // parked: its pipeline hears why from the row, and an operator may still make an asset of it
    if (!(error instanceof UnrecoverableError) || !(await isOfPipeline(announced, deps))) throw error
  }
  return resultOf(uploadId, deps)
}

/** Once it is written down, the sweeper rings for a pipeline's video as for any upload, and its pipeline waits for that job. */
async function isOfPipeline({ name, payload }: AirlockJob, { uploads }: RunJobDeps): Promise<boolean> {
  return name === generatedVideoJob || (await uploads.byId(payload.upload_id))?.door === 'pipeline'
}

/** What becomes of a video whose job can't be read: its pipeline must not think that it is refused. */
const theObjectCounts = 'this job is not tried again, but a video that is in the inbox is taken as its own x-amz-meta headers say'

/** @throws UnrecoverableError for a payload that breaks its schema */
function jobOf({ name, id, data }: Job, { log, onOutcome }: RunJobDeps): AirlockJob {
  try {
    return parseJob(name, data)
  } catch (error) {
    if (!(error instanceof PayloadMalformed)) throw error
    log.error(
      { uploadId: id, job: name.slice(0, 80), err: error, step: 'read job' },
      'job breaks its schema and is not tried again; a video in the inbox is taken as its object says',
    )
    onOutcome('refused')
    throw new UnrecoverableError(name === generatedVideoJob ? `${error.message}; ${theObjectCounts}` : error.message)
  }
}

/** @throws UnrecoverableError for an announcement that no other try makes true */
async function register(payload: GeneratedVideo, deps: RunJobDeps): Promise<RegisteredVideo> {
  const { upload_id: uploadId, user_id: userId, project_id: projectId, key } = payload
  const { filename, sha256 = null, metadata = null, priority = defaultPriority } = payload
  try {
    return await registerVideo({ uploadId, userId, projectId, key, filename, sha256, metadata, priority }, deps)
  } catch (error) {
    if (!(error instanceof AnnouncementRefused)) throw error
    deps.log.error({ uploadId, userId, key, err: error, step: 'register' }, 'video announced in vain, its job is not tried again')
    deps.onOutcome('refused')
    throw new UnrecoverableError(error.message)
  }
}

const endOf = (uploadId: string, ended: UploadEnded, deps: RunJobDeps): JobResult =>
  ended.ended === 'completed' ? completed(uploadId, ended.asset, deps) : jobResult({ status: 'rejected', uploadId, error: ended.refusal })

/** Somebody else brought it to its end, or it is parked. */
async function resultOf(uploadId: string, deps: RunJobDeps): Promise<JobResult | null> {
  const upload = await deps.uploads.byId(uploadId)
  const status = upload === null ? null : jobStatusOf(upload.state)
  if (upload === null || status === null) return null
  return status === 'completed' ? completedNow(uploadId, deps) : refusedOf(upload, status)
}

function refusedOf({ id, refusal }: UploadRecord, status: JobStatus): JobResult | null {
  if ((status !== 'rejected' && status !== 'failed') || refusal === null) return null
  return jobResult({ status, uploadId: id, error: refusal })
}

/** An asset that was deleted since is none. */
async function completedNow(uploadId: string, deps: RunJobDeps): Promise<JobResult | null> {
  const asset = await deps.assets.ofUpload(uploadId)
  return asset === null ? null : completed(uploadId, asset, deps)
}

const completed = (uploadId: string, { id, s3Key }: AssetRecord, { bucket }: RunJobDeps): JobResult =>
  jobResult({ status: 'completed', uploadId, assetId: id, s3Url: `s3://${bucket}/${s3Key}` })
