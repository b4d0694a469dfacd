import type { Row, Sessions } from './sessions.ts'
import { storableText } from './uploads/record.ts'

/** What operators change. */
export type OpsAction = 'retry' | 'release' | 'cancel' | 'pause' | 'resume' | 'clear' | 'replay' | 'repair' | 'sweep' | 'apply'

/** Who makes a change, and why. */
export interface OperatorNote {
  /** The subject of a token, or the name of a user at a machine. */
  readonly operator: string
  readonly reason: string | null
  /** The request of a change over HTTP. */
  readonly requestId: string | null
}

/** A change by an operator. */
export interface OpsLogEntry extends OperatorNote {
  readonly at: Date
  readonly action: OpsAction
  readonly uploadId: string | null
  readonly lane: string | null
  /** Further details of the change, such as the code with which an upload was parked. */
  readonly details: Readonly<Record<string, unknown>>
}

/** The changes of operators. Those to uploads are logged by the statement that makes the change (`Decisions`). */
export interface OpsLog {
  /** Logs a change that was made outside Postgres. */
  write(entry: OperatorNote & Pick<OpsLogEntry, 'action'> & Partial<Pick<OpsLogEntry, 'uploadId' | 'lane' | 'details'>>): Promise<void>
  /** The changes to one upload, the newest `limit`, oldest first. */
  ofUpload(uploadId: string, options: { limit: number }): Promise<OpsLogEntry[]>
  /** The last pause or resumption of a lane; null if there was none. */
  lastOfLane(lane: string): Promise<OpsLogEntry | null>
  /** Deletes rows that are older, the oldest first. @returns their number; fewer than `limit` when no more are due */
  prune(options: { olderThanDays: number; limit: number }): Promise<number>
}

export const opsLog = (sessions: Sessions): OpsLog => ({
  async write({ action, uploadId = null, lane = null, details = {}, ...note }) {
    await sessions.run(({ rows }) => rows(insert, [...noteColumns(note), action, uploadId, lane, JSON.stringify(details)]))
  },
  async ofUpload(uploadId, { limit }) {
    const rows = await sessions.run((session) => session.rows(ofUpload, [uploadId, limit]))
    return rows.map(asEntry).toReversed()
  },
  async lastOfLane(lane) {
    const [row] = await sessions.run((session) => session.rows(lastOfLane, [lane]))
    return row === undefined ? null : asEntry(row)
  },
  async prune({ olderThanDays, limit }) {
    const rows = await sessions.run((session) => session.rows(prune, [olderThanDays, limit]))
    return rows.length
  },
})

const maxCharacters = { operator: 200, reason: 1000, requestId: 200 } as const

/** The values of `operator`, `reason` and `request_id` in a form that the database accepts. */
export const noteColumns = ({ operator, reason, requestId }: OperatorNote): [string, string | null, string | null] => [
  storableText(operator, maxCharacters.operator),
  reason === null ? null : storableText(reason, maxCharacters.reason),
  requestId === null ? null : storableText(requestId, maxCharacters.requestId),
]

const asEntry = (row: Row): OpsLogEntry => ({
  at: row.at as Date,
  operator: row.operator as string,
  action: row.action as OpsAction,
  uploadId: row.upload_id as string | null,
  lane: row.lane as string | null,
  reason: row.reason as string | null,
  requestId: row.request_id as string | null,
  details: row.details as OpsLogEntry['details'],
})

const insert = `
  insert into ops_log (operator, reason, request_id, action, upload_id, lane, details)
  values ($1, $2, $3, $4, $5, $6, $7::jsonb)`

const ofUpload = 'select * from ops_log where upload_id = $1 order by at desc, id desc limit $2'

const lastOfLane = 'select * from ops_log where lane = $1 order by at desc, id desc limit 1'

const prune = `
  delete from ops_log where id in (
    select id from ops_log where at <= now() - make_interval(days => $1) order by at, id limit $2)
  returning id`
