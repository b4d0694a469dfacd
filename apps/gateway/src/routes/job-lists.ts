import type { UploadRepository } from '@airlock/database'
import { AirlockError, errorCodes, isPending, jobStatusOf, uploadStates } from '@airlock/domain'
import type { FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { callerOfRequest, requireScope } from '../auth/caller.ts'
import { asJobs, Job, type JobDeps } from '../responses/job.ts'
import { Code, nullable, Status, Uuid } from '../responses/schemas.ts'
import { cursorOf, cursorText, maxCursorLength, momentOf, uuidOf } from './parameters.ts'
import { visibleUploads } from './visible-uploads.ts'

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
  user: Type.Optional(
    Type.String({
      description:
        'For operators (scope ops): the uploads of this user, a UUID, or of `all` users. They are listed by the time of their last change, the newest first, and `since` refers to it',
    }),
  ),
  code: Type.Optional(Code),
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
  uploads: Pick<UploadRepository, 'byIds' | 'list' | 'browse'>
}

/**
 * Jobs of the caller: those whose ids are given, or a page of all, so that a lost id can be found again. Operators may list those of others.
 *
 * @throws AirlockError `id_malformed`, `too_many_ids`, `cursor_malformed`, `request_malformed`, `scope_missing`
 */
export async function listJobs(
  { ids, ...filter }: JobQuery,
  request: FastifyRequest,
  reply: FastifyReply,
  deps: JobListDeps,
): Promise<JobList> {
  const given = Object.entries(filter).find(([, value]) => value !== undefined)
  if (ids !== undefined && given !== undefined)
    throw new AirlockError('request_malformed', { reason: `querystring/ids cannot be combined with ${given[0]}` })
  const list = ids === undefined ? await pageOf(filter, request, deps) : await byIds(idsOf(ids), request, deps)
  if (list.jobs.some(({ status }) => isPending(status))) reply.header('retry-after', pollAgainSeconds)
  return list
}

/** One parameter with commas, a parameter for each id, or both. */
export function idsOf(given: readonly string[]): string[] {
  const ids = [...new Set(given.flatMap((text) => text.split(',')))].map(uuidOf)
  if (ids.length > maxIds) throw new AirlockError('too_many_ids', { limit: maxIds })
  return ids
}

async function byIds(ids: readonly string[], request: FastifyRequest, deps: JobListDeps): Promise<JobList> {
  const found = await visibleUploads(ids, request, deps)
  const known = new Set(found.map(({ id }) => id))
  return { jobs: await asJobs(found, deps, request), unknown: ids.filter((id) => !known.has(id)), next_cursor: null }
}

type Filter = Omit<JobQuery, 'ids'>

async function pageOf(filter: Filter, request: FastifyRequest, deps: JobListDeps): Promise<JobList> {
  if (filter.code !== undefined && filter.user === undefined)
    throw new AirlockError('request_malformed', { reason: 'querystring/code requires user' })
  const { uploads, next } = filter.user === undefined ? await ownPage(filter, request, deps) : await operatorPage(filter, request, deps)
  return { jobs: await asJobs(uploads, deps, request), unknown: [], next_cursor: next === null ? null : cursorText(next) }
}

function ownPage({ status, since, limit = defaultLimit, cursor }: Filter, request: FastifyRequest, { uploads }: JobListDeps) {
  return uploads.list({
    userId: callerOfRequest(request).id,
    limit,
    status,
    since: since === undefined ? null : momentOf('since', since),
    before: cursor === undefined ? null : cursorOf(cursor),
  })
}

async function operatorPage(
  { status, since, limit = defaultLimit, cursor, user = 'all', code }: Filter,
  request: FastifyRequest,
  deps: JobListDeps,
) {
  requireScope(request, 'ops')
  const errorCode = errorCodes.find((known) => known === code)
  if (code !== undefined && errorCode === undefined)
    throw new AirlockError('request_malformed', { reason: `querystring/code '${code}' is not an error code` })
  const place = cursor === undefined ? null : cursorOf(cursor)
  const { uploads, next } = await deps.uploads.browse({
    states: uploadStates.filter((state) => (status === undefined ? jobStatusOf(state) !== null : jobStatusOf(state) === status)),
    userId: user === 'all' ? null : uuidOf(user),
    code: errorCode,
    since: since === undefined ? null : momentOf('since', since),
    order: 'newest first',
    after: place === null ? null : { at: place.createdAt, id: place.id },
    limit,
  })
  return { uploads, next: next === null ? null : { createdAt: next.at, id: next.id } }
}
