import type { AssetRepository, UploadRecord, UploadRepository } from '@airlock/database'
import { AirlockError, assetKind, isPending, type JobStatus, jobStatusOf } from '@airlock/domain'
import type { Bell } from '@airlock/queue'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import Type from 'typebox'
import { callerOfRequest } from '../plugins/auth.ts'
import { uuidOf } from './ids.ts'
import { AssetTypeName, ById, Moment, ProblemBody, Status, Uuid } from './schemas.ts'

const Job = Type.Object({
  job_id: Uuid,
  status: Status,
  progress: Type.Number({ minimum: 0, maximum: 1, description: 'The part of the steps that are done' }),
  attempts: Type.Integer({ description: 'How often a worker has taken it up' }),
  filename: Type.String(),
  asset_type: AssetTypeName,
  size_bytes: Type.Integer(),
  asset_id: Type.Union([Uuid, Type.Null()]),
  error: Type.Union([Type.Object({ code: Type.String(), error: Type.String(), detail: Type.String() }), Type.Null()]),
  created_at: Moment,
  updated_at: Moment,
})

export interface JobRouteDeps {
  uploads: UploadRepository
  assets: AssetRepository
  bell: Pick<Bell, 'progressOf'>
  authenticate: (request: FastifyRequest) => Promise<void>
}

/** When a client should look again, in seconds: pictures are quick. */
const nextLookSeconds = 1

export const jobRoute =
  ({ uploads, assets, bell, authenticate }: JobRouteDeps): FastifyPluginAsyncTypebox =>
  async (app) => {
    app.get(
      '/api/jobs/:id',
      {
        onRequest: authenticate,
        schema: { summary: 'Where an upload stands', params: ById, response: { 200: Job, '4xx': ProblemBody, '5xx': ProblemBody } },
      },
      async (request, reply) => {
        const id = uuidOf(request.params.id)
        const upload = await uploads.byId(id)
        const status = upload === null ? null : jobStatusOf(upload.state)
        if (upload === null || status === null) throw new AirlockError('job_not_found', { id })
        if (upload.userId !== callerOfRequest(request).id) throw new AirlockError('job_not_yours', { id })
        if (isPending(status)) reply.header('retry-after', nextLookSeconds)
        const asset = status === 'completed' ? await assets.ofUpload(id) : null
        return asJob(upload, status, { assetId: asset?.id ?? null, progress: await progressOf(upload, status, bell) })
      },
    )
  }

/** Status is Postgres' word; only what happens between two states comes from the queue. */
async function progressOf({ id, assetType }: UploadRecord, status: JobStatus, bell: JobRouteDeps['bell']): Promise<number> {
  if (status === 'completed' || status === 'rejected') return 1
  if (status !== 'processing' || assetType === null) return 0
  return (await bell.progressOf(assetKind(assetType).lane, id)) ?? 0
}

function asJob(upload: UploadRecord, status: JobStatus, { assetId, progress }: { assetId: string | null; progress: number }) {
  const { id, attempt, filename, assetType, sizeBytes, refusal, createdAt, updatedAt } = upload
  if (assetType === null || sizeBytes === null) throw new Error(`upload ${id} is ${upload.state} without size or kind`)
  return {
    job_id: id,
    status,
    progress,
    attempts: attempt,
    filename,
    asset_type: assetType,
    size_bytes: sizeBytes,
    asset_id: assetId,
    error: refusal,
    created_at: createdAt.toISOString(),
    updated_at: updatedAt.toISOString(),
  }
}
