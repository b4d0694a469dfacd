import type { UploadRepository } from '@airlock/database'
import { AirlockError } from '@airlock/domain'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import type { MoveFeed } from '../following/move-feed.ts'
import { type Followed, OpenStreams, streamJobs } from '../following/stream-job.ts'
import { asJobs, Job, type JobDeps } from '../responses/job.ts'
import { ById, failures, Uuid } from '../responses/schemas.ts'
import { idsOf, maxIds } from './job-lists.ts'
import { visibleUpload, visibleUploads } from './visible-uploads.ts'

/** A server-sent event, as fields of the event-stream format. `streamJobs` writes them, not a serialiser. */
const JobEvent = Type.Object(
  {
    id: Type.String({ description: 'Increases with each state transition of the upload' }),
    event: Type.Literal('job'),
    data: Type.String({ contentMediaType: 'application/json', description: 'A Job as JSON: the current state of the upload' }),
  },
  { title: 'JobEvent' },
)

/** The data of the event `unknown`. */
const UnknownJobs = Type.Object(
  { unknown: Type.Array(Uuid, { description: 'Those of `ids` that are not jobs of the caller' }) },
  { title: 'UnknownJobs', description: 'The data of the first event, `unknown`, if some of the ids are not jobs of the caller' },
)

const data = 'Generated clients that parse event streams return the data of each event, a Job; others return the event as sent'

const streamOf = (description: string, schemas: Parameters<typeof Type.Union>[0]) => ({
  description,
  content: { 'text/event-stream': { schema: Type.Union(schemas, { description: data }) } },
})

const ofOne = streamOf('An event for each state transition of the upload, the first one at once. The stream ends with the job', [
  Job,
  JobEvent,
])

const ofSeveral = streamOf(
  'An event for each state transition of each upload, the first one of each at once. The stream ends when all jobs have ended',
  [Job, JobEvent, UnknownJobs],
)

const Ids = Type.Object({
  ids: Type.Array(Type.String(), { description: `The jobs to follow: 1 to ${maxIds} ids, separated by commas` }),
})

export interface JobStreamDeps extends JobDeps {
  uploads: Pick<UploadRepository, 'byId' | 'byIds'>
  feed: MoveFeed
  authenticate: (request: FastifyRequest) => Promise<void>
}

/** The jobs of the caller as they move. HEAD would not respond until they end, so there is none. */
export const jobStreamRoutes =
  (deps: JobStreamDeps): FastifyPluginAsyncTypebox =>
  async (app) => {
    const { feed, authenticate: onRequest } = deps
    const tags = ['jobs']
    const streams = new OpenStreams()
    const stream = async (followed: Followed, request: FastifyRequest, reply: FastifyReply) => {
      const read = (ids: readonly string[]) => visibleUploads(ids, request, deps)
      await streamJobs(followed, request, reply, { feed, streams, read, asJobs: (uploads) => asJobs(uploads, deps, request) })
      return reply
    }

    app.get(
      '/api/jobs/:id/events',
      {
        onRequest,
        exposeHeadRoute: false,
        schema: {
          operationId: 'followJob',
          summary: 'Follow an upload until it ends, as server-sent events',
          tags,
          params: ById,
          response: { 200: ofOne, ...failures },
        },
      },
      async (request, reply) => stream({ ids: [(await visibleUpload(request.params.id, request, deps)).id] }, request, reply),
    )

    app.get(
      '/api/jobs/events',
      {
        onRequest,
        exposeHeadRoute: false,
        schema: {
          operationId: 'followJobs',
          summary: 'Follow several uploads until all have ended, as one stream of server-sent events',
          tags,
          querystring: Ids,
          response: { 200: ofSeveral, ...failures },
        },
      },
      async (request, reply) => {
        const ids = idsOf(request.query.ids)
        const known = new Set((await visibleUploads(ids, request, deps)).map(({ id }) => id))
        if (known.size === 0) throw new AirlockError('job_not_found', { id: ids[0] ?? '' })
        return stream({ ids: [...known], unknown: ids.filter((id) => !known.has(id)) }, request, reply)
      },
    )
  }
