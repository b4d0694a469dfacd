import { roundedNow } from '../entities/columns.ts'
import type { EventRecord } from '../entities/event.ts'
import type { DeliveryState } from '../entities/webhook-delivery.ts'
import { asEvent } from '../events/repository.ts'
import type { Sessions } from '../sessions.ts'
import { storableText } from '../uploads/record.ts'
import { type DeadLetters, deadLetters } from './dead-letters.ts'
import { type DeliveryProgress, deliveryProgress } from './progress.ts'

/** One attempt to deliver an event. */
export interface Delivery {
  readonly endpoint: string
  /** The number of this attempt, from 1. */
  readonly attempt: number
  /** When it was taken, by the clock of Postgres. */
  readonly at: Date
  readonly event: EventRecord
  /** The stored trace of its upload; null without one, or without tracing. */
  readonly traceparent: string | null
}

/** The status of an endpoint, for metrics. */
export interface EndpointStatus {
  /** How long the earliest pending event has been pending, in seconds; 0 when there is none. */
  readonly lagSeconds: number
  readonly dead: number
}

/**
 * Deliveries of events to endpoints: one row for each event and endpoint. Endpoints are identified by names; their URLs and secrets are not
 * stored.
 */
export interface Webhooks extends DeadLetters, DeliveryProgress {
  /** Registers new endpoints. They get all future events. */
  register(endpoints: readonly string[]): Promise<void>
  /**
   * Creates an endpoint's deliveries of the events since the last call in any process. An endpoint without calls loses nothing: it continues
   * where it was, as far as events are kept.
   *
   * @returns the number of deliveries; fewer than `limit` when there are no more; 0 for an endpoint that is not registered
   */
  fanOut(endpoint: string, options: { limit: number }): Promise<number>
  /**
   * Takes the deliveries that have been due for longest, in the order of their events. Each one is reserved for `leaseSeconds` and due again
   * afterwards, unless its result was recorded. An event waits while an earlier one of its upload is pending at this endpoint.
   */
  due(endpoint: string, options: { limit: number; leaseSeconds: number }): Promise<Delivery[]>
  /** Records that the endpoint got the event, also when another attempt has begun since. @returns false when it was already recorded */
  delivered(delivery: Delivery): Promise<boolean>
  /**
   * Records a failed attempt. The delivery is due again after `retryInMs`, but at the latest `giveUpAfterSeconds` after the first failure: if
   * the attempt of that time fails too, the delivery is dead. With 0 seconds it is dead at once.
   *
   * @param error the reason for operators, without secrets
   * @returns its new state; null when another attempt has begun since; nothing was changed
   */
  failed(delivery: Delivery, error: string, options: { retryInMs: number; giveUpAfterSeconds: number }): Promise<DeliveryState | null>
  statusOf(endpoint: string): Promise<EndpointStatus>
}

const maxErrorCharacters = 500

export const webhooks = (sessions: Sessions): Webhooks => ({
  ...deadLetters(sessions),
  ...deliveryProgress(sessions),
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
    const rows = await sessions.run((session) => session.rows(due(sessions.tracing !== null), [endpoint, limit, leaseSeconds]))
    return rows.map((row) => ({
      endpoint,
      attempt: Number(row.attempts),
      at: row.handed_at as Date,
      event: asEvent(row),
      traceparent: (row.traceparent as string | null | undefined) ?? null,
    }))
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
  async statusOf(endpoint) {
    const [row] = await sessions.run((session) => session.rows(status, [endpoint]))
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

/** @param traced whether the result has the stored traces */
const due = (traced: boolean) => `
  with due as (
    select event_id from webhook_deliveries as one
    where endpoint = $1 and state = 'pending' and next_attempt_at <= ${roundedNow}
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
  select *${traced ? ', (select traceparent from uploads where id = handed.upload_id)' : ''} from handed order by position`

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

const status = `
  select
    (select extract(epoch from now() - created_at)::double precision from webhook_deliveries
     where endpoint = $1 and state = 'pending' order by position limit 1) as lag,
    (select count(*) from webhook_deliveries where endpoint = $1 and state = 'dead') as dead`
