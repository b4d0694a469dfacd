import type { EventType } from '@airlock/domain'
import { rowReader } from '../entities/columns.ts'
import { Event, type EventRecord } from '../entities/event.ts'
import type { Row, Sessions } from '../sessions.ts'

/** A page of the feed. */
export interface EventPage {
  /** In the order of their positions, which never changes. */
  readonly events: readonly EventRecord[]
  /** Where this page begins. */
  readonly start: FeedPlace
  /** Where the next page begins: after all events that this page has or has skipped. If it is less than `last`, there are more events now. */
  readonly next: FeedPlace
  /** The last position whose event has been removed; 0 when none has. A page that begins before it lacks events. */
  readonly removed: number
  /** The last assigned position; 0 before the first. */
  readonly last: number
}

/** A point between two events. */
export interface FeedPlace {
  /** The position of the event before it; 0 before the first. */
  readonly position: number
  /** The id of that event; null when it has been removed. After a restore from a backup, one position may be given to two events. */
  readonly eventId: string | null
}

export interface EventQuery {
  /** A position: 0 for the oldest event that is kept. `latest`: only future events. */
  readonly after: number | 'latest'
  /** The maximum number of events. */
  readonly limit: number
  /** Only events of these types; absent: all. */
  readonly types?: readonly EventType[] | undefined
}

/** The events of uploads and assets, in one order for all readers. Triggers write them in the transaction of the change. */
export interface Events {
  /**
   * Events of all users after a position. Only events with a position are returned. An event that commits late gets a later one, so a reader who
   * continues from `next` misses none. A page may be empty although there are more events: it scans a bounded number of them.
   */
  after(query: EventQuery): Promise<EventPage>
  /** The events of one upload and its asset, with and without positions: the newest `limit`, oldest first. */
  ofUpload(uploadId: string, options: { limit: number }): Promise<EventRecord[]>
  /**
   * Removes events that got their positions longer ago, with their deliveries; the oldest first.
   *
   * @returns the number of events; fewer than `limit` when no more are due
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
    if (first === undefined) throw new Error('the feed returned no row')
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
  async ofUpload(uploadId, { limit }) {
    const rows = await sessions.run((session) => session.rows(ofUpload, [uploadId, limit]))
    return rows.map(asEvent).toReversed()
  },
  prune: ({ olderThanDays, limit }) =>
    sessions.transaction(async ({ rows }) => {
      const removed = await rows(remove, [olderThanDays, limit])
      if (removed.length > 0) await rows(forgetSequences, [removed.map((row) => row.upload_id)])
      return removed.length
    }),
})

/** The maximum of events that one page scans: events of other types may be between the requested ones. */
const maxLookedAt = 10_000

/**
 * One statement, so that the events and `removed` are consistent. Positions have no gaps, so a distance between positions is a number of
 * events.
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

const ofUpload = 'select * from events where upload_id = $1 order by sequence desc limit $2'

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

/** A sequence is needed as long as its upload or asset may have further events. */
const forgetSequences = `
  delete from event_sequences
  where upload_id = any($1::uuid[])
    and not exists (select from events where events.upload_id = event_sequences.upload_id)
    and not exists (select from assets where assets.upload_id = event_sequences.upload_id)
    and not exists (
      select from uploads where uploads.id = event_sequences.upload_id and state not in ('completed', 'rejected', 'abandoned'))`
