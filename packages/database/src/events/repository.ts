import { Event } from '../entities/event.ts'
import { rowReader } from '../entities/from-row.ts'
import type { Row, Sessions } from '../sessions.ts'
import type { EventRecord } from './record.ts'

/** A piece of the feed. */
export interface EventPage {
  /** In their order, which nothing that happens later changes. */
  readonly events: readonly EventRecord[]
  /** Where the next page begins: behind the last event of this one, or where this one began. */
  readonly next: number
  /** The last position whose event is not kept any more; 0 when all are. A page that begins before it lacks events. */
  readonly removed: number
  /** The last position that an event was given; 0 before the first. */
  readonly last: number
}

/** What happened to uploads and assets, in one order for all readers. What writes an event is the change itself, by triggers. */
export interface Events {
  /**
   * Events behind a position, of all users: only such as have a position. An event that commits late gets a later one, so whoever reads on
   * from `next` misses none.
   *
   * @param options.after 0 for the oldest that is kept
   * @param options.limit at most so many
   */
  after(options: { after: number; limit: number }): Promise<EventPage>
  /**
   * Removes events, and their deliveries, that got their positions longer ago; the oldest first.
   *
   * @returns how many; fewer than `limit` when no more are due
   */
  prune(options: { olderThanDays: number; limit: number }): Promise<number>
}

const read = rowReader(Event)

export function asEvent(row: Row): EventRecord {
  const { positionedAt: _, ...event } = read(row)
  return event
}

export const eventRepository = (sessions: Sessions): Events => ({
  async after({ after, limit }) {
    const rows = await sessions.run((session) => session.rows(page, [after, limit]))
    const events = rows.filter(({ id }) => id !== null).map(asEvent)
    return {
      events,
      next: events.at(-1)?.position ?? after,
      removed: Number(rows[0]?.removed_position ?? 0),
      last: Number(rows[0]?.last_position ?? 0),
    }
  },
  prune: ({ olderThanDays, limit }) =>
    sessions.transaction(async ({ rows }) => {
      const removed = await rows(remove, [olderThanDays, limit])
      if (removed.length > 0) await rows(forgetSequences, [removed.map((row) => row.upload_id)])
      return removed.length
    }),
})

/** In one statement, so that nothing is removed between the events and the word of what was. */
const page = `
  select coalesce(relay.removed_position, 0) as removed_position, coalesce(relay.last_position, 0) as last_position, found.*
  from (select) as always
    left join event_relay as relay on true
    left join lateral (select * from events where position > $1 order by position limit $2) as found on true
  order by found.position`

const remove = `
  with oldest as (
    select id, positioned_at from events where position is not null order by position limit $2
  ), removed as (
    delete from events using oldest
    where events.id = oldest.id and oldest.positioned_at <= now() - make_interval(days => $1)
    returning events.upload_id, events.position
  ), noted as (
    insert into event_relay as relay (id, removed_position) select 1, max(position) from removed having count(*) > 0
    on conflict (id) do update set removed_position = greatest(relay.removed_position, excluded.removed_position)
  )
  select upload_id from removed`

/** A sequence is needed for as long as its upload or asset may still have events. */
const forgetSequences = `
  delete from event_sequences
  where upload_id = any($1::uuid[])
    and not exists (select from events where events.upload_id = event_sequences.upload_id)
    and not exists (select from assets where assets.upload_id = event_sequences.upload_id)
    and not exists (
      select from uploads where uploads.id = event_sequences.upload_id and state not in ('completed', 'rejected', 'abandoned'))`
