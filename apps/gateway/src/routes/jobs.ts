import { AirlockError, isPending } from '@airlock/domain'
import { cancel } from '@airlock/lifecycle'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { callerOfRequest } from '../auth/caller.ts'
import { authenticateForUpload, CapabilityQuery, capabilityIn } from '../direct/capability.ts'
import type { MoveFeed } from '../following/move-feed.ts'
import { asJob, Job, statusOf } from '../responses/job.ts'
import { ById, failures } from '../responses/schemas.ts'
import { JobList, JobQuery, listJobs, pollAgainSeconds } from './job-lists.ts'
import { jobStreamRoutes } from './job-streams.ts'
import { type OperatorJobDeps, operatorJobRoutes, operatorNote, ReasonQuery } from './operator-jobs.ts'
import { visibleUpload } from './visible-uploads.ts'

export interface JobRouteDeps extends OperatorJobDeps {
  feed: MoveFeed
}

export const jobRoutes =
  (deps: JobRouteDeps): FastifyPluginAsyncTypebox =>
  async (app) => {
    const { authenticate } = deps
    const onRequest = authenticate
    const tags = ['jobs']

    app.get(
      '/api/jobs/:id',
      {
        onRequest: async (request) => {
          if (capabilityIn(request) === null) await authenticate(request)
          else await authenticateForUpload(request, deps)
        },
        schema: {
          operationId: 'getJob',
          summary: 'Get the state of an upload',
          tags,
          params: ById,
          querystring: CapabilityQuery,
          response: { 200: Job, ...failures },
        },
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

    await app.register(jobStreamRoutes(deps))
    await app.register(operatorJobRoutes(deps))
  }
