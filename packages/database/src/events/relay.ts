import type { Sessions } from '../sessions.ts'

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
   * @returns the number of events; null when another run has the lease, and nothing was changed
   */
  place(options: { holder: string; leaseSeconds: number; limit: number }): Promise<number | null>
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
  place: ({ holder, leaseSeconds, limit }) =>
    sessions.transaction(async ({ rows }) => {
      const [relay] = await rows(hold, [holder, leaseSeconds])
      if (relay === undefined) return null
      const [placed] = await rows(place, [relay.last_position, limit])
      return Number(placed?.count)
    }),
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

const place = `
  with batch as (
    select id, row_number() over (order by created_at, sequence, id) as number
    from (select id, created_at, sequence from events where position is null order by created_at, sequence, id limit $2) as waiting
  ), placed as (
    update events set position = $1 + batch.number, positioned_at = now()
    from batch where events.id = batch.id
    returning events.position
  ), moved as (
    update event_relay set last_position = $1 + (select count(*) from placed) where exists (select from placed)
  ), rung as (
    select pg_notify('airlock_event_feed', '') from placed limit 1
  )
  select (select count(*) from placed) as count, (select count(*) from rung) as rung`

const end = `
  update event_relay set holder = null, lease_until = null
  where holder = $1
  returning id`

const lag = `
  select extract(epoch from now() - created_at)::double precision as seconds from events
  where position is null order by created_at, sequence, id limit 1`
