import type { EventType } from '@airlock/domain'
import { prepared } from '../prepared.ts'
import type { Sessions } from '../sessions.ts'

/** An event of an upload with a stored trace. */
export interface TracedEvent {
  readonly type: EventType
  readonly uploadId: string
  readonly traceparent: string
}

/** Gives events their positions. One relay at a time works; any number of processes may try. */
export interface EventRelay {
  /**
   * Gives the next positions to events without one, the earliest written first.
   *
   * Each call is a transaction that locks the relay's row, so that positions are committed in their order: a reader who sees one sees all earlier
   * ones. Events that commit in the meantime wait for the next call.
   *
   * @param options.onTraced called with the events whose uploads have a stored trace, if there is tracing
   * @returns the number of events; null when another relay is at work, and nothing was changed
   */
  place(options: { limit: number; onTraced?: ((events: readonly TracedEvent[]) => void) | undefined }): Promise<number | null>
  /** How long the earliest event without a position has waited, in seconds; 0 when there is none. */
  lagSeconds(): Promise<number>
}

export const eventRelay = (sessions: Sessions): EventRelay => ({
  place: ({ limit, onTraced }) =>
    sessions.run(async ({ rows }) => {
      const [relay] = await rows(place, [limit])
      if (relay === undefined || relay.placed === null) return null
      const count = Number(relay.placed)
      if (count > 0 && sessions.tracing !== null && onTraced !== undefined)
        onTraced((await rows(traced, [relay.last, count])) as unknown as TracedEvent[])
      return count
    }),
  async lagSeconds() {
    const [row] = await sessions.run((session) => session.rows(lag))
    return Number(row?.seconds ?? 0)
  },
})

const place = prepared('place_events', 'select placed, last from events_place($1)')

const traced = `
  select type, uploads.id as "uploadId", traceparent
  from events join uploads on uploads.id = events.upload_id
  where position > $1::bigint - $2 and position <= $1 and traceparent is not null
  order by position`

const lag = `
  select extract(epoch from now() - created_at)::double precision as seconds from events
  where position is null order by created_at, sequence, id limit 1`
