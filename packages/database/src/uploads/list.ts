import { type JobStatus, jobStatusOf, type UploadState, uploadStates } from '@airlock/domain'
import { rowReader } from '../entities/columns.ts'
import { Upload } from '../entities/upload.ts'
import type { Session } from '../sessions.ts'
import { asRecord, type UploadRecord } from './record.ts'

/** The last upload of the previous page. */
export interface UploadCursor {
  readonly createdAt: Date
  readonly id: string
}

export interface UploadListOptions {
  readonly userId: string
  /** 1 to 100. */
  readonly limit: number
  /** The cursor of the previous page; none for the first. */
  readonly before?: UploadCursor | null | undefined
  /** Only uploads with this status; absent: all. */
  readonly status?: JobStatus | null | undefined
  /** At this moment or later. */
  readonly since?: Date | null | undefined
}

export interface UploadPage {
  /** Newest first. Uploads that were never accepted are in no page. */
  readonly uploads: readonly UploadRecord[]
  /** Null when this page was the last. */
  readonly next: UploadCursor | null
}

const read = rowReader(Upload)

/** @throws RangeError when `limit` is not 1 to 100 */
export async function listUploads({ rows }: Session, options: UploadListOptions): Promise<UploadPage> {
  const { limit } = options
  if (!Number.isInteger(limit) || limit < 1 || limit > 100) throw new RangeError(`limit is ${limit}, but must be from 1 to 100`)
  const { sql, parameters } = uploadListStatement(options)
  const found = (await rows(sql, parameters)).map((row) => asRecord(read(row)))
  const uploads = found.slice(0, limit)
  const last = uploads.at(-1)
  return { uploads, next: found.length > limit && last !== undefined ? { createdAt: last.createdAt, id: last.id } : null }
}

/**
 * The statement of a page, plus one upload, which shows whether there is a next page.
 *
 * The index starts with the state, so that a user's few failures are found among a million successes. A list of several states merges one
 * sorted index scan for each of them. Each scan has the limit of the whole page: otherwise the planner, which does not know how few rows the
 * merge needs, may read and sort all rows of a state.
 */
export function uploadListStatement({ userId, limit, before, status, since }: UploadListOptions): { sql: string; parameters: unknown[] } {
  const parameters: unknown[] = []
  const value = (of: unknown) => `$${parameters.push(of)}`
  const user = value(userId)
  const span = [
    ...(since ? [`created_at >= ${value(since)}`] : []),
    ...(before ? [`(created_at, id) < (${value(before.createdAt)}, ${value(before.id)})`] : []),
  ]
  const most = value(limit + 1)
  const walks = statesOf(status ?? null).map((state) => {
    const where = [`user_id = ${user}`, `state = '${state}'`, ...span]
    return `(select * from uploads where ${where.join(' and ')} order by created_at desc, id desc limit ${most})`
  })
  const sql = `select * from (${walks.join(' union all ')}) as walks order by created_at desc, id desc limit ${most}`
  return { sql, parameters }
}

/** The states that have a status for clients. */
const statesOf = (status: JobStatus | null): UploadState[] =>
  uploadStates.filter((state) => (status === null ? jobStatusOf(state) !== null : jobStatusOf(state) === status))
