import type { AssetRepository, UploadRecord, UploadRepository } from '@airlock/database'
import { AirlockError, assetKind, isPending, jobStatusOf } from '@airlock/domain'
import { cancel } from '@airlock/lifecycle'
import type { Bell } from '@airlock/queue'
import type { ObjectStore } from '@airlock/storage'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import Type from 'typebox'
import type { MoveFeed } from '../following/move-feed.ts'
import { OpenStreams, streamJob } from '../following/stream-job.ts'
import { asJob, Job, statusOf } from '../job.ts'
import { callerOfRequest, requireScope } from '../plugins/auth.ts'
import { uuidOf } from './ids.ts'
import { ById, ProblemBody, Uuid } from './schemas.ts'

export interface JobRouteDeps {
  uploads: UploadRepository
  assets: AssetRepository
  store: Pick<ObjectStore, 'head'>
  bell: Pick<Bell, 'progressOf' | 'ring' | 'ringAgain'>
  feed: MoveFeed
  authenticate: (request: FastifyRequest) => Promise<void>
}

/** When a client should look again, in seconds: pictures are quick. */
const nextLookSeconds = 1

const maxIds = 100

const failures = { '4xx': ProblemBody, '5xx': ProblemBody }
const Ids = Type.Object({ ids: Type.String({ description: `1 to ${maxIds} ids, separated by commas` }) })
const Jobs = Type.Object({ jobs: Type.Array(Job), unknown: Type.Array(Uuid, { description: 'Ids that are no jobs of the caller' }) })

export const jobRoutes =
  (deps: JobRouteDeps): FastifyPluginAsyncTypebox =>
  async (app) => {
    const { uploads, feed, authenticate: onRequest } = deps
    const tags = ['jobs']
    const streams = new OpenStreams()

    app.get(
      '/api/jobs/:id',
      { onRequest, schema: { summary: 'Where an upload stands', tags, params: ById, response: { 200: Job, ...failures } } },
      async (request, reply) => {
        const upload = await ownUpload(request.params.id, request, deps)
        if (isPending(statusOf(upload))) reply.header('retry-after', nextLookSeconds)
        return asJob(upload, deps)
      },
    )

    app.get(
      '/api/jobs',
      { onRequest, schema: { summary: 'Where several uploads stand', tags, querystring: Ids, response: { 200: Jobs, ...failures } } },
      async (request) => {
        const ids = [...new Set(request.query.ids.split(','))].map(uuidOf)
        if (ids.length > maxIds) throw new AirlockError('too_many_ids', { limit: maxIds })
        const { id: userId } = callerOfRequest(request)
        const own = (await uploads.byIds(ids)).filter((upload) => upload.userId === userId && jobStatusOf(upload.state) !== null)
        const known = new Map(own.map((upload) => [upload.id, upload]))
        const jobs = await Promise.all(ids.flatMap((id) => known.get(id) ?? []).map((upload) => asJob(upload, deps)))
        return { jobs, unknown: ids.filter((id) => !known.has(id)) }
      },
    )

    app.delete(
      '/api/jobs/:id',
      { onRequest, schema: { summary: 'Cancel an upload that is not final yet', tags, params: ById, response: { 200: Job, ...failures } } },
      async (request) => {
        const upload = await ownUpload(request.params.id, request, deps)
        const { id, filename } = upload
        const cancelled = await cancel(upload, { ...deps, log: request.log })
        if (cancelled.cancelled)
          request.log.info({ uploadId: id, userId: request.caller?.id, filename, step: 'cancel' }, 'upload cancelled')
        else if (cancelled.reason === 'completed') throw new AirlockError('already_completed', { id })
        return asJob(await ownUpload(id, request, deps), deps)
      },
    )

    app.get(
      '/api/jobs/:id/events',
      // HEAD would say nothing until the job ends
      {
        onRequest,
        exposeHeadRoute: false,
        schema: { summary: 'Follow an upload until it ends, as server-sent events', tags, params: ById, response: failures },
      },
      async (request, reply) => {
        const upload = await ownUpload(request.params.id, request, deps)
        await streamJob(upload, request, reply, {
          feed,
          streams,
          read: () => ownUpload(upload.id, request, deps),
          asJob: (record) => asJob(record, deps),
        })
        return reply
      },
    )

    app.post(
      '/api/jobs/:id/retry',
      { onRequest, schema: { summary: 'Try a failed upload again (scope ops)', tags, params: ById, response: { 200: Job, ...failures } } },
      async (request) => {
        requireScope(request, 'ops')
        const id = uuidOf(request.params.id)
        const upload = await uploads.byId(id)
        if (upload === null) throw new AirlockError('job_not_found', { id })
        if (!(await uploads.retryParked(id))) throw new AirlockError('not_parked', { id })
        request.log.info({ uploadId: id, userId: upload.userId, by: request.caller?.id, step: 'retry' }, 'parked upload is tried again')
        await ringAgain(upload, request, deps)
        return asJob((await uploads.byId(id)) ?? upload, deps)
      },
    )
  }

/** @throws AirlockError `id_malformed`, `job_not_found`, `job_not_yours` */
async function ownUpload(rawId: string, request: FastifyRequest, { uploads }: JobRouteDeps): Promise<UploadRecord> {
  const id = uuidOf(rawId)
  const upload = await uploads.byId(id)
  if (upload === null || jobStatusOf(upload.state) === null) throw new AirlockError('job_not_found', { id })
  if (upload.userId !== callerOfRequest(request).id) throw new AirlockError('job_not_yours', { id })
  return upload
}

async function ringAgain({ id, assetType }: UploadRecord, request: FastifyRequest, { bell }: JobRouteDeps): Promise<void> {
  if (assetType === null) throw new Error(`parked upload ${id} has no kind`)
  await bell
    .ringAgain(assetKind(assetType).lane, { uploadId: id })
    .catch((err: unknown) => request.log.warn({ uploadId: id, err }, 'no worker woken, the sweeper will'))
}
