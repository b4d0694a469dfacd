import type { Sessions } from '../sessions.ts'

/** How far a rule of the sweeper has come. */
export interface Place {
  /** Where the next batch begins, in the rule's own words; null at the beginning of a pass. */
  readonly after: string | null
  /** When the last pass came to its end (ISO 8601); null while the first is under way. */
  readonly endedAt: string | null
}

/** A place for each rule that has one, by the rule's name. */
export type Places = Readonly<Record<string, Place>>

/** The right to sweep: one process has it at a time. */
export interface SweeperLease {
  /**
   * By how many seconds the clock of Postgres was set back since the last sweep ended, at least; 0 when it was not. What was to happen after a
   * while would wait for so much longer.
   */
  clockSetBackSeconds(): Promise<number>
  /**
   * Moves what waits for a moment that was written down before the clock was set back: leases, next attempts, purges. Rows that somebody has
   * locked are left; they are being written anew.
   *
   * @param seconds what `clockSetBackSeconds` said
   */
  moveBack(seconds: number): Promise<void>
  /**
   * Takes the lease, unless somebody has it, or a sweep ended less than `notWithinSeconds` ago. Of an end or a lease that is too far in the
   * future, the clock of Postgres was set back since; it keeps nobody.
   *
   * @param options.holder a UUID of this sweep
   * @returns where the sweep before ended; null when it is not this one's turn
   */
  take(options: { holder: string; leaseSeconds: number; notWithinSeconds: number }): Promise<Places | null>
  /** Keeps the lease for `leaseSeconds` more, and the places come to. @returns false when another sweep has it by now; then nothing changed */
  renew(options: { holder: string; leaseSeconds: number; places: Places }): Promise<boolean>
  /** Gives the lease back. @returns false when another sweep has it by now; then nothing changed */
  end(options: { holder: string; places: Places }): Promise<boolean>
}

export const sweeperLease = (sessions: Sessions): SweeperLease => ({
  async clockSetBackSeconds() {
    const [row] = await sessions.run(({ rows }) => rows(setBack))
    return Math.max(0, Number(row?.seconds ?? 0))
  },
  async moveBack(seconds) {
    for (const statement of movesBack) await sessions.run(({ rows }) => rows(statement, [seconds]))
  },
  async take({ holder, leaseSeconds, notWithinSeconds }) {
    const [row] = await sessions.run(({ rows }) => rows(take, [holder, leaseSeconds, notWithinSeconds]))
    return row === undefined ? null : (row.places as Places)
  },
  async renew({ holder, leaseSeconds, places }) {
    const rows = await sessions.run((session) => session.rows(renew, [holder, leaseSeconds, JSON.stringify(places)]))
    return rows.length === 1
  },
  async end({ holder, places }) {
    const rows = await sessions.run((session) => session.rows(end, [holder, JSON.stringify(places)]))
    return rows.length === 1
  },
})

const setBack = 'select extract(epoch from ended_at - now())::double precision as seconds from sweeper where ended_at > now()'

/** Each moves what lies further in the future than the clock was set back. What was written since then may come earlier by that, once. */
const movesBack = [
  `update uploads set
     updated_at = least(updated_at, now()), lease_until = lease_until - make_interval(secs => $1),
     next_attempt_at = next_attempt_at - make_interval(secs => $1), failing_since = least(failing_since, now())
   where id in (
     select id from uploads
     where state in ('received', 'processing')
       and (updated_at > now() or lease_until > now() + make_interval(secs => $1) or next_attempt_at > now() + make_interval(secs => $1))
     for update skip locked)`,
  `update uploads set created_at = created_at - make_interval(secs => $1)
   where id in (select id from uploads where state = 'receiving' and created_at > now() for update skip locked)`,
  `update purges set due_at = due_at - make_interval(secs => $1)
   where key in (select key from purges where due_at > now() + make_interval(secs => $1) for update skip locked)`,
  `update webhook_deliveries set
     next_attempt_at = next_attempt_at - make_interval(secs => $1), failing_since = least(failing_since, now())
   where ctid in (
     select ctid from webhook_deliveries
     where state = 'pending' and next_attempt_at > now() + make_interval(secs => $1) for update skip locked)`,
  'update event_relay set lease_until = lease_until - make_interval(secs => $1) where lease_until > now() + make_interval(secs => $1)',
  `update idempotency_keys set lease_until = lease_until - make_interval(secs => $1)
   where ctid in (select ctid from idempotency_keys where lease_until > now() + make_interval(secs => $1) for update skip locked)`,
]

const take = `
  insert into sweeper (id, holder, lease_until) values (1, $1, now() + make_interval(secs => $2))
  on conflict (id) do update set holder = excluded.holder, lease_until = excluded.lease_until
  where (sweeper.lease_until is null or sweeper.lease_until <= now()
      or (sweeper.ended_at > now() + interval '1 second' and sweeper.lease_until > now() + make_interval(secs => $2)))
    and (sweeper.ended_at is null or sweeper.ended_at <= now() - make_interval(secs => $3) or sweeper.ended_at > now() + interval '1 second')
  returning places`

const renew = `
  update sweeper set lease_until = now() + make_interval(secs => $2), places = $3
  where holder = $1
  returning id`

const end = `
  update sweeper set holder = null, lease_until = null, ended_at = now(), places = $2
  where holder = $1
  returning id`
