import type { AssetRepository, UploadRecord, UploadRepository } from '@airlock/database'
import { AirlockError, isPending, jobStatusOf } from '@airlock/domain'
import { cancel } from '@airlock/lifecycle'
import type { JobQueue } from '@airlock/queue'
import type { ObjectStore } from '@airlock/storage'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import Type from 'typebox'
import { callerOfRequest, isOperator } from '../auth/caller.ts'
import type { MoveFeed } from '../following/move-feed.ts'
import { OpenStreams, streamJob } from '../following/stream-job.ts'
import { asJob, Job, statusOf } from '../responses/job.ts'
import { ById, failures } from '../responses/schemas.ts'
import { JobList, JobQuery, listJobs, pollAgainSeconds } from './job-lists.ts'
import { operatorJobRoutes, operatorNote, ReasonQuery } from './operator-jobs.ts'
import { uuidOf } from './parameters.ts'

export interface JobRouteDeps {
  uploads: UploadRepository
  assets: AssetRepository
  store: Pick<ObjectStore, 'head'>
  jobQueue: Pick<JobQueue, 'progressOf' | 'enqueue' | 'ensureEnqueued'>
  feed: MoveFeed
  authenticate: (request: FastifyRequest) => Promise<void>
}

/** A server-sent event, as fields of the event-stream format. `streamJob` writes them, not a serialiser. */
const JobEvent = Type.Object(
  {
    id: Type.String({ description: 'Increases with each state transition of the upload' }),
    event: Type.Literal('job'),
    data: Type.String({ contentMediaType: 'application/json', description: 'A Job as JSON: the current state of the upload' }),
  },
  { title: 'JobEvent' },
)

const Moves = {
  description: 'An event for each state transition of the upload, the first one at once. The stream ends with the job',
  content: {
    'text/event-stream': {
      schema: Type.Union([Job, JobEvent], {
        description: 'Generated clients that parse event streams return the data of each event, a Job; others return the event as sent',
      }),
    },
  },
}

export const jobRoutes =
  (deps: JobRouteDeps): FastifyPluginAsyncTypebox =>
  async (app) => {
    const { feed, authenticate: onRequest } = deps
    const tags = ['jobs']
    const streams = new OpenStreams()

    app.get(
      '/api/jobs/:id',
      {
        onRequest,
        schema: { operationId: 'getJob', summary: 'Get the state of an upload', tags, params: ById, response: { 200: Job, ...failures } },
      },
      async (request, reply) => {
        const upload = await visibleUpload(request.params.id, request, deps)
        if (isPending(statusOf(upload))) reply.header('retry-after', pollAgainSeconds)
        return asJob(upload, deps, request)
      },
    )

    app.get(
      '/api/jobs',
      {
        onRequest,
        schema: {
          operationId: 'listJobs',
          summary: 'Get the states of several uploads, or list all',
          tags,
          querystring: JobQuery,
          response: { 200: JobList, ...failures },
        },
      },
      (request, reply) => listJobs(request.query, request, reply, deps),
    )

    app.delete(
      '/api/jobs/:id',
      {
        onRequest,
        schema: {
          operationId: 'cancelJob',
          summary: 'Cancel an upload that has not ended',
          tags,
          params: ById,
          querystring: ReasonQuery,
          response: { 200: Job, ...failures },
        },
      },
      async (request) => {
        const upload = await visibleUpload(request.params.id, request, deps)
        const isOwner = upload.userId === callerOfRequest(request).id
        const by = isOwner && request.query.reason === undefined ? null : operatorNote(request, request.query.reason)
        const cancelled = await cancel(upload, by, { ...deps, log: request.log })
        if (!cancelled.cancelled && cancelled.reason === 'completed') throw new AirlockError('already_completed', { id: upload.id })
        return asJob(await visibleUpload(upload.id, request, deps), deps, request)
      },
    )

    app.get(
      '/api/jobs/:id/events',
      // HEAD would not respond until the job ends
      {
        onRequest,
        exposeHeadRoute: false,
        schema: {
          operationId: 'followJob',
          summary: 'Follow an upload until it ends, as server-sent events',
          tags,
          params: ById,
          response: { 200: Moves, ...failures },
        },
      },
      async (request, reply) => {
        const upload = await visibleUpload(request.params.id, request, deps)
        await streamJob(upload, request, reply, {
          feed,
          streams,
          read: () => visibleUpload(upload.id, request, deps),
          asJob: (record) => asJob(record, deps, request),
        })
        return reply
      },
    )

    await app.register(operatorJobRoutes(deps))
  }

/** An upload of the caller, or of anyone if the caller is an operator. @throws AirlockError `id_malformed`, `job_not_found`, `job_not_yours` */
async function visibleUpload(rawId: string, request: FastifyRequest, { uploads }: JobRouteDeps): Promise<UploadRecord> {
  const id = uuidOf(rawId)
  const upload = await uploads.byId(id)
  if (upload === null || jobStatusOf(upload.state) === null) throw new AirlockError('job_not_found', { id })
  if (upload.userId !== callerOfRequest(request).id && !isOperator(request)) throw new AirlockError('job_not_yours', { id })
  return upload
}
