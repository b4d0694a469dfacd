import type { AssetRepository, OperatorNote, UploadRecord, UploadRepository } from '@airlock/database'
import { AirlockError, jobStatusOf } from '@airlock/domain'
import { release, retryParked } from '@airlock/lifecycle'
import type { JobQueue } from '@airlock/queue'
import type { ObjectStore } from '@airlock/storage'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import Type from 'typebox'
import { callerOfRequest, requireScope } from '../auth/caller.ts'
import { asJob, Job } from '../responses/job.ts'
import { ById, failures } from '../responses/schemas.ts'
import { uuidOf } from './parameters.ts'

export interface OperatorJobDeps {
  uploads: UploadRepository
  assets: AssetRepository
  store: Pick<ObjectStore, 'head'>
  jobQueue: Pick<JobQueue, 'progressOf' | 'enqueue' | 'ensureEnqueued'>
  authenticate: (request: FastifyRequest) => Promise<void>
}

export const ReasonQuery = Type.Object({
  reason: Type.Optional(
    Type.String({ minLength: 1, maxLength: 500, description: 'Why an operator makes this change, for the log of operators (scope ops)' }),
  ),
})

/** Who makes a change as an operator, and why. @throws AirlockError `scope_missing` */
export function operatorNote(request: FastifyRequest, reason: string | undefined): OperatorNote {
  requireScope(request, 'ops')
  const { id, actedBy } = callerOfRequest(request)
  return { operator: actedBy ?? id, reason: reason ?? null, requestId: request.id }
}

/** The routes that only operators may use. */
export const operatorJobRoutes =
  (deps: OperatorJobDeps): FastifyPluginAsyncTypebox =>
  async (app) => {
    const { uploads, authenticate: onRequest } = deps
    const tags = ['jobs']
    const current = async ({ id }: UploadRecord, request: FastifyRequest) => asJob(await acceptedUpload(id, deps), deps, request)

    app.post(
      '/api/jobs/:id/retry',
      {
        onRequest,
        schema: {
          operationId: 'retryJob',
          summary: 'Retry a failed upload (scope ops)',
          tags,
          params: ById,
          querystring: ReasonQuery,
          response: { 200: Job, ...failures },
        },
      },
      async (request) => {
        const by = operatorNote(request, request.query.reason)
        const upload = await acceptedUpload(request.params.id, deps)
        if (!(await retryParked(upload, by, { ...deps, log: request.log }))) throw new AirlockError('not_parked', { id: upload.id })
        return current(upload, request)
      },
    )

    app.post(
      '/api/jobs/:id/release',
      {
        onRequest,
        schema: {
          operationId: 'releaseJob',
          summary: 'Release a failed upload: reject it and remove its bytes (scope ops)',
          tags,
          params: ById,
          querystring: ReasonQuery,
          response: { 200: Job, ...failures },
        },
      },
      async (request) => {
        const by = operatorNote(request, request.query.reason)
        const upload = await acceptedUpload(request.params.id, deps)
        const outcome = await release(upload, by, { ...deps, log: request.log })
        if (outcome === 'completed') throw new AirlockError('already_completed', { id: upload.id })
        if (outcome === 'not_parked' && !isReleased(await uploads.byId(upload.id))) throw new AirlockError('not_parked', { id: upload.id })
        return current(upload, request)
      },
    )
  }

/** Releasing again changes nothing and is not an error. */
const isReleased = (upload: UploadRecord | null): boolean => upload?.state === 'rejected' && upload.refusal?.code === 'upload_released'

/** @throws AirlockError `id_malformed`, `job_not_found` */
async function acceptedUpload(rawId: string, { uploads }: OperatorJobDeps): Promise<UploadRecord> {
  const id = uuidOf(rawId)
  const upload = await uploads.byId(id)
  if (upload === null || jobStatusOf(upload.state) === null) throw new AirlockError('job_not_found', { id })
  return upload
}
