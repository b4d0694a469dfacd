import { rowReader } from '../entities/columns.ts'
import { type DeliveryRow, WebhookDelivery } from '../entities/webhook-delivery.ts'
import { atMost } from '../ids.ts'
import type { Sessions } from '../sessions.ts'

/** The progress of an endpoint. */
export interface EndpointProgress {
  readonly endpoint: string
  /** The age of the earliest event that the endpoint has not got, whether or not its delivery exists; 0 when it has got all. */
  readonly lagSeconds: number
  /** Events without a delivery yet: workers create them within seconds, unless none has this endpoint in its settings. */
  readonly notQueued: number
  readonly dead: number
}

/** Reads deliveries, for operators. */
export interface DeliveryProgress {
  /** All endpoints that were ever registered, by name, at most `limit`. */
  progress(options: { limit: number }): Promise<EndpointProgress[]>
  /** The deliveries of at most 100 events, in the order of the events, at most `limit`. */
  ofEvents(eventIds: readonly string[], options: { limit: number }): Promise<DeliveryRow[]>
}

const read = rowReader(WebhookDelivery)

export const deliveryProgress = (sessions: Sessions): DeliveryProgress => ({
  async progress({ limit }) {
    const rows = await sessions.run((session) => session.rows(progress, [limit]))
    return rows.map(({ endpoint, lag, not_queued, dead }) => ({
      endpoint: String(endpoint),
      lagSeconds: Math.max(0, Number(lag ?? 0)),
      notQueued: Number(not_queued),
      dead: Number(dead),
    }))
  },
  async ofEvents(eventIds, { limit }) {
    atMost(100, eventIds)
    const rows = await sessions.run((session) => session.rows(ofEvents, [eventIds, limit]))
    return rows.map(read)
  },
})

/** Positions have no gaps, so a distance between positions is a number of events. */
const progress = `
  select endpoint,
    greatest(0, coalesce((select last_position from event_relay), 0) - position) as not_queued,
    extract(epoch from now() - least(
      (select created_at from webhook_deliveries as one
       where one.endpoint = known.endpoint and state = 'pending' order by one.position limit 1),
      (select positioned_at from events where events.position > known.position order by events.position limit 1)
    ))::double precision as lag,
    (select count(*) from webhook_deliveries as one where one.endpoint = known.endpoint and state = 'dead') as dead
  from webhook_endpoints as known order by endpoint limit $1`

const ofEvents = 'select * from webhook_deliveries where event_id = any($1::uuid[]) order by position, endpoint limit $2'
