import type { EventType } from '@airlock/domain'
import { Event } from '../entities/event.ts'
import { rowReader } from '../entities/from-row.ts'
import type { Row, Sessions } from '../sessions.ts'
import type { EventRecord } from './record.ts'

/** A piece of the feed. */
export interface EventPage {
  /** In their order, which nothing that happens later changes. */
  readonly events: readonly EventRecord[]
  /** Where this page begins. */
  readonly start: FeedPlace
  /** Where the next page begins: behind all that this one has, or has passed over. Below `last`, there is more at once. */
  readonly next: FeedPlace
  /** The last position whose event is not kept any more; 0 when all are. A page that begins before it lacks events. */
  readonly removed: number
  /** The last position that an event was given; 0 before the first. */
  readonly last: number
}

/** A place between two events. */
export interface FeedPlace {
  /** Of the event before it; 0 before the first. */
  readonly position: number
  /** That event; null when it is not kept, or never was. A record that was brought back from a backup gives a position to two events. */
  readonly eventId: string | null
}

export interface EventQuery {
  /** A position: 0 for the oldest that is kept. `latest`: what comes from now on. */
  readonly after: number | 'latest'
  /** At most so many. */
  readonly limit: number
  /** Only these; all, unless given. */
  readonly types?: readonly EventType[] | undefined
}

/** What happened to uploads and assets, in one order for all readers. What writes an event is the change itself, by triggers. */
export interface Events {
  /**
   * Events behind a position, of all users: only such as have a position. An event that commits late gets a later one, so whoever reads on
   * from `next` misses none. A page may be empty although there is more: it looks at a bounded number of events.
   */
  after(query: EventQuery): Promise<EventPage>
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
  async after({ after, limit, types = null }) {
    const rows = await sessions.run((session) => session.rows(page, [after === 'latest' ? null : after, limit, types, maxLookedAt]))
    const [first] = rows
    if (first === undefined) throw new Error('the feed gave no row')
    const events = rows.filter(({ id }) => id !== null).map(asEvent)
    const start = { position: Number(first.start), eventId: first.start_id as string | null }
    const edge = { position: Number(first.edge), eventId: first.edge_id as string | null }
    const full = events.length === limit ? events.at(-1) : undefined
    return {
      events,
      start,
      next: full?.position ? { position: full.position, eventId: full.id } : edge,
      removed: Number(first.removed),
      last: Number(first.last),
    }
  },
  prune: ({ olderThanDays, limit }) =>
    sessions.transaction(async ({ rows }) => {
      const removed = await rows(remove, [olderThanDays, limit])
      if (removed.length > 0) await rows(forgetSequences, [removed.map((row) => row.upload_id)])
      return removed.length
    }),
})

/** Events that one page looks at: so many of other types may stand between those that were asked for. */
const maxLookedAt = 10_000

/**
 * In one statement, so that nothing is removed or added between the events and the word of what was. Positions have no gap, so a distance in
 * positions is a number of events.
 */
const page = `
  with relay as (
    select coalesce(max(removed_position), 0) as removed, coalesce(max(last_position), 0) as last from event_relay
  ), part as (
    select *, greatest(start, least(last, greatest(start, removed) + $4)) as edge
    from (select *, coalesce($1::bigint, last) as start from relay) as begun
  )
  select removed, last, start, edge,
    (select id from events where position = start) as start_id,
    (select id from events where position = edge) as edge_id,
    found.*
  from part left join lateral (
    select * from events
    where position > start and position <= edge and ($3::text[] is null or type = any($3))
    order by position limit $2
  ) as found on true
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
