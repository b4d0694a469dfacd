import type { AssetRecord, AssetRepository, UploadRecord } from '@airlock/database'
import { assetKind, type JobStatus, jobStatusOf, readProvenance } from '@airlock/domain'
import type { JobQueue } from '@airlock/queue'
import type { FastifyRequest } from 'fastify'
import Type from 'typebox'
import { isOperator } from '../auth/caller.ts'
import { nullableProvenance } from './provenance.ts'
import { AssetTypeName, Metadata, Moment, nullable, Reason, Status, Uuid } from './schemas.ts'

/** The state of an upload as its owner sees it. */
export const Job = Type.Object(
  {
    job_id: Uuid,
    status: Status,
    progress: Type.Number({ minimum: 0, maximum: 1, description: 'The completed fraction of the steps' }),
    attempts: Type.Integer({ description: 'How many attempts workers have started' }),
    filename: Type.String(),
    asset_type: AssetTypeName,
    size_bytes: Type.Integer(),
    asset_id: nullable(Uuid),
    error: nullable(Reason),
    metadata: nullable(Metadata),
    provenance: nullableProvenance,
    created_at: Moment,
    updated_at: Moment,
    user_id: Type.Optional(Type.String({ format: 'uuid', description: 'Its owner; only in responses to tokens with the scope ops' })),
  },
  { title: 'Job', description: 'The state of an upload' },
)
export type Job = Type.Static<typeof Job>

export interface JobDeps {
  assets: AssetRepository
  jobQueue: Pick<JobQueue, 'progressOf'>
}

/** @throws Error for uploads that were never accepted: they are not jobs */
export function statusOf({ id, state }: UploadRecord): JobStatus {
  const status = jobStatusOf(state)
  if (status === null) throw new Error(`upload ${id} is not a job, it is ${state}`)
  return status
}

export async function asJob(upload: UploadRecord, deps: JobDeps, request: FastifyRequest): Promise<Job> {
  const asset = upload.state === 'completed' ? await deps.assets.ofUpload(upload.id) : null
  return jobOf(upload, asset, deps, request)
}

/** At most 100 uploads as jobs, in their order, with one query for all assets. */
export async function asJobs(uploads: readonly UploadRecord[], deps: JobDeps, request: FastifyRequest): Promise<Job[]> {
  const completed = uploads.filter(({ state }) => state === 'completed').map(({ id }) => id)
  const assets = new Map((await deps.assets.ofUploads(completed)).map((asset) => [asset.uploadId, asset]))
  return Promise.all(uploads.map((upload) => jobOf(upload, assets.get(upload.id) ?? null, deps, request)))
}

async function jobOf(upload: UploadRecord, asset: AssetRecord | null, { jobQueue }: JobDeps, request: FastifyRequest): Promise<Job> {
  const { id, attempt, filename, assetType, sizeBytes, refusal, clientMetadata, createdAt, updatedAt } = upload
  if (assetType === null || sizeBytes === null) throw new Error(`upload ${id} is ${upload.state} without size or asset type`)
  const status = statusOf(upload)
  return {
    job_id: id,
    status,
    progress: await progressOf(upload, status, jobQueue),
    attempts: attempt,
    filename,
    asset_type: assetType,
    size_bytes: sizeBytes,
    asset_id: asset?.id ?? null,
    error: refusal,
    metadata: clientMetadata,
    provenance: readProvenance(asset?.metadata?.facts?.provenance),
    created_at: createdAt.toISOString(),
    updated_at: updatedAt.toISOString(),
    ...(isOperator(request) && { user_id: upload.userId }),
  }
}

/** Postgres determines the status; only progress within a state comes from the queue. */
async function progressOf({ id, assetType }: UploadRecord, status: JobStatus, jobQueue: JobDeps['jobQueue']): Promise<number> {
  if (status === 'completed' || status === 'rejected') return 1
  if (status !== 'processing' || assetType === null) return 0
  return (await jobQueue.progressOf(assetKind(assetType).lane, id)) ?? 0
}
