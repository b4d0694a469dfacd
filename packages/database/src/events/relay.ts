import type { EventType } from '@airlock/domain'
import type { Sessions } from '../sessions.ts'

/** An event of an upload with a stored trace. */
export interface TracedEvent {
  readonly type: EventType
  readonly uploadId: string
  readonly traceparent: string
}

/** The lease that elects the process that gives events their positions. */
export interface EventRelay {
  /**
   * Takes the lease, unless another run has it.
   *
   * @param options.holder a UUID of this run
   */
  take(options: { holder: string; leaseSeconds: number }): Promise<boolean>
  /**
   * Gives the next positions to events without one, the earliest written first, and extends the lease by `leaseSeconds`.
   *
   * Each call is a transaction that locks the relay's row, so that positions are committed in their order: a reader who sees one sees all earlier
   * ones. Events that commit in the meantime wait for the next call.
   *
   * @param options.onTraced called with the events whose uploads have a stored trace, if there is tracing
   * @returns the number of events; null when another run has the lease, and nothing was changed
   */
  place(options: {
    holder: string
    leaseSeconds: number
    limit: number
    onTraced?: ((events: readonly TracedEvent[]) => void) | undefined
  }): Promise<number | null>
  /** Releases the lease. @returns false when another run has it; nothing was changed */
  end(options: { holder: string }): Promise<boolean>
  /** How long the earliest event without a position has waited, in seconds; 0 when there is none. */
  lagSeconds(): Promise<number>
}

export const eventRelay = (sessions: Sessions): EventRelay => ({
  async take({ holder, leaseSeconds }) {
    const rows = await sessions.run((session) => session.rows(take, [holder, leaseSeconds]))
    return rows.length === 1
  },
  place: async ({ holder, leaseSeconds, limit, onTraced }) => {
    const placed = await sessions.transaction(async ({ rows }) => {
      const [relay] = await rows(hold, [holder, leaseSeconds])
      if (relay === undefined) return null
      const [row] = await rows(place(sessions.tracing !== null), [relay.last_position, limit])
      return row
    })
    if (placed?.traced) onTraced?.(placed.traced as TracedEvent[])
    return placed === null ? null : Number(placed?.count)
  },
  async end({ holder }) {
    const rows = await sessions.run((session) => session.rows(end, [holder]))
    return rows.length === 1
  },
  async lagSeconds() {
    const [row] = await sessions.run((session) => session.rows(lag))
    return Number(row?.seconds ?? 0)
  },
})

const take = `
  insert into event_relay (id, holder, lease_until) values (1, $1, now() + make_interval(secs => $2))
  on conflict (id) do update set holder = excluded.holder, lease_until = excluded.lease_until
  where event_relay.lease_until is null or event_relay.lease_until <= now()
  returning id`

/** The lock of this row is the fence: a run that has lost the lease waits here, and then finds another holder. */
const hold = `
  update event_relay set lease_until = now() + make_interval(secs => $2)
  where holder = $1
  returning last_position`

/** @param traced whether the result has the events of uploads with a stored trace */
const place = (traced: boolean) => `
  with batch as (
    select id, row_number() over (order by created_at, sequence, id) as number
    from (select id, created_at, sequence from events where position is null order by created_at, sequence, id limit $2) as waiting
  ), placed as (
    update events set position = $1 + batch.number, positioned_at = now()
    from batch where events.id = batch.id
    returning events.position, events.type, events.upload_id
  ), moved as (
    update event_relay set last_position = $1 + (select count(*) from placed) where exists (select from placed)
  ), rung as (
    select pg_notify('airlock_event_feed', '') from placed limit 1
  )
  select (select count(*) from placed) as count, (select count(*) from rung) as rung, ${traced ? tracedEvents : 'null'} as traced`

const tracedEvents = `(
    select jsonb_agg(jsonb_build_object('type', placed.type, 'uploadId', uploads.id, 'traceparent', traceparent))
    from placed join uploads on uploads.id = placed.upload_id where traceparent is not null
  )`

const end = `
  update event_relay set holder = null, lease_until = null
  where holder = $1
  returning id`

const lag = `
  select extract(epoch from now() - created_at)::double precision as seconds from events
  where position is null order by created_at, sequence, id limit 1`
