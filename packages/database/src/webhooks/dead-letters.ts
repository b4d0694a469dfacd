import type { EventType } from '@airlock/domain'
import { exactNumber } from '../entities/columns.ts'
import { noteColumns, type OperatorNote } from '../ops-log.ts'
import type { Row, Sessions } from '../sessions.ts'

/** An event whose delivery to an endpoint was given up. */
export interface DeadLetter {
  readonly endpoint: string
  readonly position: number
  readonly eventId: string
  readonly type: EventType
  readonly uploadId: string
  readonly attempts: number
  readonly lastError: string | null
  readonly failingSince: Date | null
  readonly endedAt: Date
}

/** How many deliveries of an endpoint are in each state. */
export interface DeliveryCounts {
  readonly endpoint: string
  readonly pending: number
  readonly delivered: number
  readonly dead: number
}

/** For operators. */
export interface DeadLetters {
  /** All endpoints that were ever registered, by name, with their deliveries of events that are still kept. */
  counts(): Promise<DeliveryCounts[]>
  /**
   * Dead deliveries, by endpoint, then in the order of the events.
   *
   * @param options.endpoint only of this endpoint; null: of all
   * @param options.after the last one of the previous batch; null for the first batch
   */
  dead(options: { endpoint: string | null; after: Pick<DeadLetter, 'endpoint' | 'position'> | null; limit: number }): Promise<DeadLetter[]>
  /**
   * Repeats deliveries that are dead or, if an event is given, delivered. They are due at once, with their attempts reset. With a note, the same
   * statement writes a row of `ops_log` for each.
   *
   * @param options.eventId only this event; null: all dead deliveries
   * @param options.endpoint only to this endpoint; null: to all
   * @returns the number of deliveries, at most `limit`
   */
  replay(options: { eventId: string | null; endpoint: string | null; limit: number; note?: OperatorNote | null }): Promise<number>
}

export const deadLetters = (sessions: Sessions): DeadLetters => ({
  async counts() {
    const rows = await sessions.run((session) => session.rows(counts))
    return rows.map(({ endpoint, pending, delivered, dead }) => ({
      endpoint: String(endpoint),
      pending: Number(pending),
      delivered: Number(delivered),
      dead: Number(dead),
    }))
  },
  async dead({ endpoint, after, limit }) {
    const rows = await sessions.run((session) => session.rows(dead, [after?.endpoint ?? null, after?.position ?? null, endpoint, limit]))
    return rows.map(asDeadLetter)
  },
  async replay({ eventId, endpoint, limit, note = null }) {
    const parameters = [eventId, endpoint, limit, ...(note === null ? [] : noteColumns(note))]
    const [row] = await sessions.run((session) => session.rows(replay(note), parameters))
    return Number(row?.count ?? 0)
  },
})

const asDeadLetter = (row: Row): DeadLetter => ({
  endpoint: row.endpoint as string,
  position: exactNumber(row.position as string) ?? 0,
  eventId: row.event_id as string,
  type: row.type as EventType,
  uploadId: row.upload_id as string,
  attempts: Number(row.attempts),
  lastError: row.last_error as string | null,
  failingSince: row.failing_since as Date | null,
  endedAt: row.ended_at as Date,
})

const counts = `
  select endpoint,
    count(*) filter (where state = 'pending') as pending,
    count(*) filter (where state = 'delivered') as delivered,
    count(*) filter (where state = 'dead') as dead
  from webhook_endpoints left join webhook_deliveries using (endpoint)
  group by endpoint order by endpoint`

const dead = `
  select webhook_deliveries.*, events.type from webhook_deliveries join events on events.id = event_id
  where state = 'dead' and ($1::text is null or (endpoint, webhook_deliveries.position) > ($1, $2::bigint))
    and ($3::text is null or endpoint = $3)
  order by endpoint, webhook_deliveries.position limit $4`

const replay = (note: OperatorNote | null) => `
  with again as (
    select event_id, endpoint from webhook_deliveries
    where (state = 'dead' or (state = 'delivered' and $1::uuid is not null))
      and ($1::uuid is null or event_id = $1) and ($2::text is null or endpoint = $2)
    limit $3 for update skip locked
  ), set_back as (
    update webhook_deliveries as one set
      state = 'pending', ended_at = null, attempts = 0, failing_since = null, last_error = null, next_attempt_at = now()
    from again where one.event_id = again.event_id and one.endpoint = again.endpoint
    returning one.event_id, one.endpoint, one.upload_id
  ), rung as (
    select pg_notify('airlock_event_feed', '') from set_back limit 1
  )${note === null ? '' : noted}
  select (select count(*) from set_back) as count, (select count(*) from rung) as rung`

const noted = `, noted as (
    insert into ops_log (operator, reason, request_id, action, upload_id, details)
    select $4, $5, $6, 'replay', upload_id, jsonb_build_object('event_id', event_id, 'endpoint', endpoint) from set_back
  )`
