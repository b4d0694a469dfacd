import type { ErrorCode, UploadState } from '@airlock/domain'
import { rowReader } from '../entities/columns.ts'
import { Upload } from '../entities/upload.ts'
import type { Sessions } from '../sessions.ts'
import { asRecord, type UploadRecord } from './record.ts'
import type { Cursor } from './unmoved.ts'

/** Which uploads an operator means. An upload's age is the time since it came to its state, by the database's clock. */
export interface UploadFilter {
  /** At least one. */
  readonly states: readonly UploadState[]
  readonly code?: ErrorCode | null | undefined
  readonly userId?: string | null | undefined
  /** No index contains it: combine it with `since`. */
  readonly requestId?: string | null | undefined
  /** In their state since this moment or later. */
  readonly since?: Date | null | undefined
  /** In their state since this moment or earlier. */
  readonly until?: Date | null | undefined
}

export interface BrowseOptions extends UploadFilter {
  readonly order: 'newest first' | 'oldest first'
  /** The end of the previous page; none for the first. */
  readonly after?: Cursor | null | undefined
  /** 1 to 500. */
  readonly limit: number
}

export interface BrowsedPage {
  readonly uploads: readonly UploadRecord[]
  /** Null when this page was the last. */
  readonly next: Cursor | null
}

/** Lists uploads of any owner, for operators. */
export interface Browse {
  /** One page. @throws RangeError when `limit` is not 1 to 500 */
  browse(options: BrowseOptions): Promise<BrowsedPage>
  /** The number of uploads, at most `max`. */
  count(filter: UploadFilter, max: number): Promise<number>
}

const read = rowReader(Upload)

export const browse = (sessions: Sessions): Browse => ({
  async browse(options) {
    const { limit } = options
    if (!Number.isInteger(limit) || limit < 1 || limit > 500) throw new RangeError(`limit is ${limit}, but must be from 1 to 500`)
    const { sql, parameters } = browseStatement(options)
    const found = await sessions.run(({ rows }) => rows(sql, parameters))
    const shown = found.slice(0, limit)
    const last = shown.at(-1)
    return {
      uploads: shown.map((row) => asRecord(read(row))),
      next: found.length > limit && last !== undefined ? { at: last.in_state_since as Date, id: last.id as string } : null,
    }
  },
  async count(filter, max) {
    const parameters: unknown[] = []
    const parts = walksOf(filter, (of) => `$${parameters.push(of)}`).map(({ where }) => `select 1 from uploads where ${where}`)
    const sql = `select count(*) from (${parts.join(' union all ')} limit $${parameters.push(max)}) as matching`
    const [row] = await sessions.run(({ rows }) => rows(sql, parameters))
    return Number(row?.count)
  },
})

/**
 * States that share an index, and the column with the time at which an upload came to them. It does not change while the upload is in the state: a
 * worker updates `updated_at` whenever it renews its lease.
 */
const walks = [
  { states: ['receiving'], since: 'created_at' },
  { states: ['received'], since: 'updated_at' },
  { states: ['processing'], since: 'processing_at' },
  { states: ['parked'], since: 'parked_at' },
  { states: ['completed', 'rejected', 'abandoned'], since: 'updated_at' },
] as const satisfies readonly { states: readonly UploadState[]; since: string }[]

/** The conditions of each walk. States are part of the statement's text, so that the planner can use their partial indexes. */
function walksOf({ states, code, userId, requestId, since, until }: UploadFilter, value: (of: unknown) => string) {
  return walks.flatMap((walk) => {
    const wanted = walk.states.filter((state) => states.includes(state))
    if (wanted.length === 0) return []
    const where = [
      wanted.length === 1 ? `state = '${wanted[0]}'` : `state in (${wanted.map((state) => `'${state}'`).join(', ')})`,
      ...(code ? [`error_code = ${value(code)}`] : []),
      ...(userId ? [`user_id = ${value(userId)}`] : []),
      ...(requestId ? [`request_id = ${value(requestId)}`] : []),
      ...(since ? [`${walk.since} >= ${value(since)}`] : []),
      ...(until ? [`${walk.since} <= ${value(until)}`] : []),
    ]
    return [{ since: walk.since, where: where.join(' and ') }]
  })
}

/** The statement of a page, plus one upload, which shows whether there is a next page. It merges one index scan for each walk. */
export function browseStatement({ order, after, limit, ...filter }: BrowseOptions): { sql: string; parameters: unknown[] } {
  const parameters: unknown[] = []
  const value = (of: unknown) => `$${parameters.push(of)}`
  const [direction, beyond] = order === 'newest first' ? ['desc', '<'] : ['asc', '>']
  const place = after ? [value(after.at), value(after.id)] : null
  const most = value(limit + 1)
  const scans = walksOf(filter, value).map(({ since, where }) => {
    const rest = place === null ? '' : ` and (${since}, id) ${beyond} (${place.join(', ')})`
    return `(select *, ${since} as in_state_since from uploads where ${where}${rest} order by ${since} ${direction}, id ${direction} limit ${most})`
  })
  const sql = `select * from (${scans.join(' union all ')}) as walks order by in_state_since ${direction}, id ${direction} limit ${most}`
  return { sql, parameters }
}
