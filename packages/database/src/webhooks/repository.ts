import type { DeliveryState } from '../entities/webhook-delivery.ts'
import type { EventRecord } from '../events/record.ts'
import { asEvent } from '../events/repository.ts'
import type { Sessions } from '../sessions.ts'
import { storableText } from '../uploads/client-text.ts'
import { type DeadLetters, deadLetters } from './dead-letters.ts'

/** The right to make one attempt. */
export interface Delivery {
  readonly endpoint: string
  /** Which attempt this is, from 1. */
  readonly attempt: number
  /** When it was handed out, by the clock of Postgres. */
  readonly at: Date
  readonly event: EventRecord
}

/** How an endpoint stands, for figures. */
export interface EndpointStanding {
  /** For how long the earliest event that is pending has been so, in seconds; 0 when none is. */
  readonly lagSeconds: number
  readonly dead: number
}

/**
 * Events on their way to endpoints: a row for each event and endpoint. An endpoint is known here by a name; what it is called by and with
 * which secret is its caller's.
 */
export interface Webhooks extends DeadLetters {
  /** Makes endpoints known that are not yet. They get what comes from now on. */
  register(endpoints: readonly string[]): Promise<void>
  /**
   * Makes deliveries for an endpoint of the events that came since the last call, by whatever process. An endpoint that nobody calls this
   * for loses nothing: it goes on where it was, as far as events are kept.
   *
   * @returns how many; fewer than `limit` when there are no more. 0 for an endpoint that is not registered
   */
  fanOut(endpoint: string, options: { limit: number }): Promise<number>
  /**
   * The deliveries that have been due for longest, in the order of their events. None is handed out again for `leaseSeconds`; by then its outcome must be told, or it is
   * due again. An event whose upload has an earlier one pending at this endpoint waits for that one's end.
   */
  due(endpoint: string, options: { limit: number; leaseSeconds: number }): Promise<Delivery[]>
  /** The endpoint has it. Counts also when another attempt was made meanwhile. @returns false when that was known */
  delivered(delivery: Delivery): Promise<boolean>
  /**
   * The attempt failed. It is due again after `retryInMs`, the last time `giveUpAfterSeconds` behind the first failure; when that fails,
   * the delivery is dead. With 0 it is dead at once.
   *
   * @param error why, for operators; without secrets
   * @returns the state that it has now; null when another attempt was made meanwhile: then nothing changed
   */
  failed(delivery: Delivery, error: string, options: { retryInMs: number; giveUpAfterSeconds: number }): Promise<DeliveryState | null>
  standing(endpoint: string): Promise<EndpointStanding>
}

const maxErrorCharacters = 500

export const webhooks = (sessions: Sessions): Webhooks => ({
  ...deadLetters(sessions),
  async register(endpoints) {
    if (endpoints.length > 0) await sessions.run((session) => session.rows(register, [endpoints]))
  },
  fanOut: (endpoint, { limit }) =>
    sessions.transaction(async ({ rows }) => {
      const [place] = await rows('select position from webhook_endpoints where endpoint = $1 for update', [endpoint])
      if (place === undefined) return 0
      const added = await rows(fanOut, [endpoint, place.position, limit])
      return Number(added[0]?.count)
    }),
  async due(endpoint, { limit, leaseSeconds }) {
    const rows = await sessions.run((session) => session.rows(due, [endpoint, limit, leaseSeconds]))
    return rows.map((row) => ({ endpoint, attempt: Number(row.attempts), at: row.handed_at as Date, event: asEvent(row) }))
  },
  async delivered({ endpoint, event }) {
    const rows = await sessions.run((session) => session.rows(delivered, [event.id, endpoint]))
    return rows.length === 1
  },
  async failed({ endpoint, event, attempt }, error, { retryInMs, giveUpAfterSeconds }) {
    const parameters = [event.id, endpoint, attempt, storableText(error, maxErrorCharacters), retryInMs / 1000, giveUpAfterSeconds]
    const [row] = await sessions.run((session) => session.rows(failed, parameters))
    return row === undefined ? null : (row.state as DeliveryState)
  },
  async standing(endpoint) {
    const [row] = await sessions.run((session) => session.rows(standing, [endpoint]))
    return { lagSeconds: Number(row?.lag ?? 0), dead: Number(row?.dead ?? 0) }
  },
})

const register = `
  insert into webhook_endpoints (endpoint, position)
  select endpoint, coalesce((select last_position from event_relay), 0) from unnest($1::text[]) as endpoint
  on conflict (endpoint) do nothing`

const fanOut = `
  with added as (
    insert into webhook_deliveries (event_id, endpoint, upload_id, position)
    select id, $1, upload_id, position from events where position > $2 order by position limit $3
    returning position
  ), moved as (
    update webhook_endpoints set position = (select max(position) from added) where endpoint = $1 and exists (select from added)
  )
  select count(*) from added`

const due = `
  with due as (
    select event_id from webhook_deliveries as one
    where endpoint = $1 and state = 'pending' and next_attempt_at <= now()
      and not exists (
        select from webhook_deliveries as earlier
        where earlier.endpoint = one.endpoint and earlier.upload_id = one.upload_id and earlier.state = 'pending'
          and earlier.position < one.position)
    order by next_attempt_at, position limit $2
    for update of one skip locked
  ), handed as (
    update webhook_deliveries as taken set attempts = taken.attempts + 1, next_attempt_at = now() + make_interval(secs => $3)
    from due join events on events.id = due.event_id
    where taken.endpoint = $1 and taken.event_id = due.event_id
    returning taken.attempts, now() as handed_at, events.*
  )
  select * from handed order by position`

const delivered = `
  update webhook_deliveries set state = 'delivered', ended_at = now(), last_error = null
  where event_id = $1 and endpoint = $2 and state <> 'delivered'
  returning event_id`

const failed = `
  update webhook_deliveries set
    last_error = $4, failing_since = coalesce(failing_since, now()),
    state = case when coalesce(failing_since, now()) + make_interval(secs => $6) <= now() then 'dead' else 'pending' end,
    ended_at = case when coalesce(failing_since, now()) + make_interval(secs => $6) <= now() then now() end,
    next_attempt_at = least(now() + make_interval(secs => $5), coalesce(failing_since, now()) + make_interval(secs => $6))
  where event_id = $1 and endpoint = $2 and attempts = $3 and state = 'pending'
  returning state`

const standing = `
  select
    (select extract(epoch from now() - created_at)::double precision from webhook_deliveries
     where endpoint = $1 and state = 'pending' order by position limit 1) as lag,
    (select count(*) from webhook_deliveries where endpoint = $1 and state = 'dead') as dead`
