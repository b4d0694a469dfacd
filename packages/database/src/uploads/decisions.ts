import type { Refusal, UploadState } from '@airlock/domain'
import { rowReader } from '../entities/columns.ts'
import { Upload } from '../entities/upload.ts'
import type { Sessions } from '../sessions.ts'
import { asRecord, type UploadRecord } from './record.ts'

export type Cancellation =
  | { readonly cancelled: true; readonly record: UploadRecord }
  | { readonly cancelled: false; readonly reason: 'unknown'; readonly state: null }
  | { readonly cancelled: false; readonly reason: NotCancellable; readonly state: NotCancellable }

type NotCancellable = Exclude<UploadState, 'received' | 'processing' | 'parked'>

/** Moves that people decide: owners cancel uploads, operators retry or release parked ones. */
export interface Decisions {
  /**
   * Moves an accepted upload that is not final to `rejected`. A worker that processes it has lost its claim: its later writes change nothing.
   * The same statement requests the purge of its objects: the quarantined one and, if a worker has claimed it, its final key, where a copy may
   * still land. The caller has checked that such a copy is not the last one.
   */
  cancel(id: string, refusal: Refusal): Promise<Cancellation>
  /** Moves a parked upload to `received`; its attempts keep counting, the time of failing is reset. @returns false when it is not parked */
  retryParked(id: string): Promise<boolean>
  /** Moves a parked upload to `rejected`; its objects are purged as by `cancel`. @returns false when it is not parked */
  releaseParked(id: string, refusal: Refusal): Promise<boolean>
}

const read = rowReader(Upload)

export const decisions = (sessions: Sessions): Decisions => ({
  async cancel(id, { code, error, detail }) {
    const [row] = await sessions.run(({ rows }) => rows(end(`'received', 'processing', 'parked'`), [id, code, error, detail]))
    if (row === undefined) return { cancelled: false, reason: 'unknown', state: null }
    if (row.id !== null) return { cancelled: true, record: asRecord(read(row)) }
    const state = row.state_before as NotCancellable
    return { cancelled: false, reason: state, state }
  },

  async retryParked(id) {
    const rows = await sessions.run((session) => session.rows(retry, [id]))
    return rows.length === 1
  },

  async releaseParked(id, { code, error, detail }) {
    const [row] = await sessions.run(({ rows }) => rows(end(`'parked'`), [id, code, error, detail]))
    return row !== undefined && row.id !== null
  },
})

/** Locks the row first, so that the returned state is the one that decided. Without an upload it returns no row. */
const end = (states: string) => `
  with standing as (
    select id, state as state_before from uploads where id = $1 for update
  ), ended as (
    update uploads set
      state = 'rejected', rejected_at = now(), updated_at = now(), lease_until = null,
      error_code = $2, error_title = $3, error_detail = $4
    from standing where uploads.id = standing.id and uploads.state in (${states})
    returning uploads.*
  ), left_behind as (
    insert into purges (key, upload_id)
    select key, id from ended cross join lateral (values (quarantine_key), (case when attempt > 0 then final_key end)) as objects (key)
    where key is not null
    on conflict (key) do nothing
  )
  select ended.*, standing.state_before from standing left join ended on ended.id = standing.id`

const retry = `
  update uploads set
    state = 'received', updated_at = now(), error_code = null, error_title = null, error_detail = null,
    failing_since = null, next_attempt_at = null
  where id = $1 and state = 'parked'
  returning id`
