import type { Refusal, UploadState } from '@airlock/domain'
import { rowReader } from '../entities/columns.ts'
import { Upload } from '../entities/upload.ts'
import { noteColumns, type OperatorNote, type OpsAction } from '../ops-log.ts'
import type { Sessions } from '../sessions.ts'
import { asRecord, type UploadRecord } from './record.ts'

export type Cancellation =
  | { readonly cancelled: true; readonly record: UploadRecord }
  | { readonly cancelled: false; readonly reason: 'unknown'; readonly state: null }
  | { readonly cancelled: false; readonly reason: NotCancellable; readonly state: NotCancellable }

type NotCancellable = Exclude<UploadState, 'received' | 'processing' | 'parked'>

/**
 * Moves that people decide: owners cancel uploads, operators retry or release parked ones. With a note, the statement that moves the upload also
 * writes the row of `ops_log`: there is no change of an operator without its row, and no row without the change.
 */
export interface Decisions {
  /**
   * Moves an accepted upload that is not final to `rejected`. A worker that processes it has lost its claim: its later writes change nothing.
   * The same statement requests the purge of its objects: the quarantined one and, if a worker has claimed it, its final key, where a copy may
   * still land. The caller has checked that such a copy is not the last one.
   */
  cancel(id: string, refusal: Refusal, note?: OperatorNote | null): Promise<Cancellation>
  /** Moves a parked upload to `received`; its attempts keep counting, the time of failing is reset. @returns false when it is not parked */
  retryParked(id: string, note?: OperatorNote | null): Promise<boolean>
  /** Moves a parked upload to `rejected`; its objects are purged as by `cancel`. @returns false when it is not parked */
  releaseParked(id: string, refusal: Refusal, note?: OperatorNote | null): Promise<boolean>
}

const read = rowReader(Upload)

export const decisions = (sessions: Sessions): Decisions => ({
  async cancel(id, refusal, note = null) {
    const row = await endBy(sessions, 'cancel', id, refusal, note)
    if (row === undefined) return { cancelled: false, reason: 'unknown', state: null }
    if (row.id !== null) return { cancelled: true, record: asRecord(read(row)) }
    const state = row.state_before as NotCancellable
    return { cancelled: false, reason: state, state }
  },

  async retryParked(id, note = null) {
    const rows = await sessions.run((session) => session.rows(retry(note), [id, ...(note === null ? [] : noteColumns(note))]))
    return rows.length === 1
  },

  async releaseParked(id, refusal, note = null) {
    const row = await endBy(sessions, 'release', id, refusal, note)
    return row !== undefined && row.id !== null
  },
})

const endedStates = { cancel: `'received', 'processing', 'parked'`, release: `'parked'` } as const

/** @returns undefined when there is no such upload; a row without `id` when its state, `state_before`, does not allow the move */
async function endBy(
  sessions: Sessions,
  action: keyof typeof endedStates,
  id: string,
  { code, error, detail }: Refusal,
  note: OperatorNote | null,
) {
  const parameters = [id, code, error, detail, ...(note === null ? [] : noteColumns(note))]
  const [row] = await sessions.run(({ rows }) => rows(end(action, note), parameters))
  return row
}

/** The part of a statement that logs the change of the rows in `changed`. Its parameters begin with number `first`. */
const noted = (note: OperatorNote | null, action: OpsAction, changed: string, first: number) =>
  note === null
    ? ''
    : `, noted as (
    insert into ops_log (operator, reason, request_id, action, upload_id, details)
    select $${first}, $${first + 1}, $${first + 2}, '${action}', ${changed}.id,
      jsonb_strip_nulls(jsonb_build_object('from', state_before, 'code', code_before))
    from ${changed} join locked on locked.id = ${changed}.id
  )`

/** Locks the row first, so that the returned state is the one that decided. Without an upload it returns no row. */
const end = (action: keyof typeof endedStates, note: OperatorNote | null) => `
  with locked as (
    select id, state as state_before, error_code as code_before from uploads where id = $1 for update
  ), ended as (
    update uploads set
      state = 'rejected', rejected_at = now(), updated_at = now(), lease_until = null,
      error_code = $2, error_title = $3, error_detail = $4
    from locked where uploads.id = locked.id and uploads.state in (${endedStates[action]})
    returning uploads.*
  ), left_behind as (
    insert into purges (key, upload_id)
    select key, id from ended cross join lateral (values (quarantine_key), (case when attempt > 0 then final_key end)) as objects (key)
    where key is not null
    on conflict (key) do nothing
  )${noted(note, action, 'ended', 5)}
  select ended.*, locked.state_before from locked left join ended on ended.id = locked.id`

const retry = (note: OperatorNote | null) => `
  with locked as (
    select id, state as state_before, error_code as code_before from uploads where id = $1 and state = 'parked' for update
  ), retried as (
    update uploads set
      state = 'received', updated_at = now(), error_code = null, error_title = null, error_detail = null,
      failing_since = null, next_attempt_at = null
    from locked where uploads.id = locked.id and uploads.state = 'parked'
    returning uploads.id
  )${noted(note, 'retry', 'retried', 2)}
  select id from retried`
