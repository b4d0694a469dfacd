import type { UploadRepository } from '@airlock/database'
import { AirlockError, isPending, jobStatusOf } from '@airlock/domain'
import type { FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { callerOfRequest } from '../auth/caller.ts'
import { asJobs, Job, type JobDeps } from '../responses/job.ts'
import { nullable, Status, Uuid } from '../responses/schemas.ts'
import { cursorOf, cursorText, maxCursorLength, momentOf, uuidOf } from './parameters.ts'

/** Maximum number of ids per request. */
export const maxIds = 100

/** `Retry-After` for pending jobs, in seconds: pictures are processed quickly. */
export const pollAgainSeconds = 1

export const JobQuery = Type.Object({
  ids: Type.Optional(
    Type.Array(Type.String(), {
      description: `These jobs: 1 to ${maxIds} ids, separated by commas. Cannot be combined with other parameters`,
    }),
  ),
  status: Type.Optional(Status),
  since: Type.Optional(Type.String({ format: 'date-time', description: 'Only uploads that started at this time or later (RFC 3339)' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, description: 'Jobs per page; 50 by default' })),
  cursor: Type.Optional(Type.String({ maxLength: maxCursorLength, description: '`next_cursor` of the previous page' })),
})
type JobQuery = Type.Static<typeof JobQuery>

export const JobList = Type.Object(
  {
    jobs: Type.Array(Job, { description: 'In the order of `ids`, or newest first' }),
    unknown: Type.Array(Uuid, { description: 'Those of `ids` that are not jobs of the caller' }),
    next_cursor: nullable(
      Type.String({ description: 'Cursor of the next page, to be used with the same filters; null at the end, and with `ids`' }),
    ),
  },
  { title: 'JobList', description: 'Jobs of the caller: those of `ids`, or a page of all' },
)
type JobList = Type.Static<typeof JobList>

const defaultLimit = 50

export interface JobListDeps extends JobDeps {
  uploads: Pick<UploadRepository, 'byIds' | 'list'>
}

/**
 * Jobs of the caller: those whose ids are given, or a page of all, so that a lost id can be found again.
 *
 * @throws AirlockError `id_malformed`, `too_many_ids`, `cursor_malformed`, `request_malformed`
 */
export async function listJobs(
  { ids, ...filter }: JobQuery,
  request: FastifyRequest,
  reply: FastifyReply,
  deps: JobListDeps,
): Promise<JobList> {
  const { id: userId } = callerOfRequest(request)
  const given = Object.entries(filter).find(([, value]) => value !== undefined)
  if (ids !== undefined && given !== undefined)
    throw new AirlockError('request_malformed', { reason: `querystring/ids cannot be combined with ${given[0]}` })
  const list = ids === undefined ? await pageOf(filter, userId, deps) : await byIds(idsOf(ids), userId, deps)
  if (list.jobs.some(({ status }) => isPending(status))) reply.header('retry-after', pollAgainSeconds)
  return list
}

/** One parameter with commas, a parameter for each id, or both. */
function idsOf(given: readonly string[]): string[] {
  const ids = [...new Set(given.flatMap((text) => text.split(',')))].map(uuidOf)
  if (ids.length > maxIds) throw new AirlockError('too_many_ids', { limit: maxIds })
  return ids
}

async function byIds(ids: readonly string[], userId: string, deps: JobListDeps): Promise<JobList> {
  const own = (await deps.uploads.byIds(ids)).filter((upload) => upload.userId === userId && jobStatusOf(upload.state) !== null)
  const known = new Map(own.map((upload) => [upload.id, upload]))
  const found = ids.map((id) => known.get(id)).filter((upload) => upload !== undefined)
  return { jobs: await asJobs(found, deps), unknown: ids.filter((id) => !known.has(id)), next_cursor: null }
}

async function pageOf(
  { status, since, limit = defaultLimit, cursor }: Omit<JobQuery, 'ids'>,
  userId: string,
  deps: JobListDeps,
): Promise<JobList> {
  const { uploads, next } = await deps.uploads.list({
    userId,
    limit,
    status,
    since: since === undefined ? null : momentOf('since', since),
    before: cursor === undefined ? null : cursorOf(cursor),
  })
  return { jobs: await asJobs(uploads, deps), unknown: [], next_cursor: next === null ? null : cursorText(next) }
}
