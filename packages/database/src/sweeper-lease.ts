import { roundedNow } from './entities/columns.ts'
import type { Sessions } from './sessions.ts'

/** The progress of one rule of the sweeper. */
export interface RulePosition {
  /** Where the next batch begins, in the rule's own format; null at the beginning of a pass. */
  readonly after: string | null
  /** When the last pass ended (ISO 8601); null until the first one has. */
  readonly endedAt: string | null
}

/** The positions of the rules, by their names. */
export type RulePositions = Readonly<Record<string, RulePosition>>

/** The sweeper's progress, for operators. Times are by the clock of Postgres. */
export interface SweeperProgress {
  readonly now: Date
  /** When the last sweep ended; null before the first. */
  readonly endedAt: Date | null
  /** Whether a process sweeps. */
  readonly isRunning: boolean
  /** As stored by the last sweep, or in the course of the running one. */
  readonly positions: RulePositions
}

/** The lease that elects the process that sweeps. */
export interface SweeperLease {
  /**
   * By how many seconds, at least, the clock of Postgres was set back since the last sweep ended; 0 when it was not. Due times are late by
   * the same time.
   */
  clockSetBackSeconds(): Promise<number>
  /**
   * Moves back the due times that were written before the clock was set back: leases, next attempts, purges. Locked rows are skipped; their
   * times are being rewritten.
   *
   * @param seconds the result of `clockSetBackSeconds`
   */
  moveBack(seconds: number): Promise<void>
  /**
   * Takes the lease, unless another process has it, or a sweep ended less than `notWithinSeconds` ago. An end or a lease that is too far in the
   * future is ignored: the clock of Postgres was set back since.
   *
   * @param options.holder a UUID of this sweep
   * @returns the positions at the end of the previous sweep; null when the lease was not taken
   */
  take(options: { holder: string; leaseSeconds: number; notWithinSeconds: number }): Promise<RulePositions | null>
  /** Extends the lease by `leaseSeconds` and stores the positions. @returns false when another sweep has the lease; nothing was changed */
  renew(options: { holder: string; leaseSeconds: number; positions: RulePositions }): Promise<boolean>
  /** Releases the lease and stores the positions. @returns false when another sweep has the lease; nothing was changed */
  end(options: { holder: string; positions: RulePositions }): Promise<boolean>
  progress(): Promise<SweeperProgress>
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
    return row === undefined ? null : (row.places as RulePositions)
  },
  async renew({ holder, leaseSeconds, positions }) {
    const rows = await sessions.run((session) => session.rows(renew, [holder, leaseSeconds, JSON.stringify(positions)]))
    return rows.length === 1
  },
  async end({ holder, positions }) {
    const rows = await sessions.run((session) => session.rows(end, [holder, JSON.stringify(positions)]))
    return rows.length === 1
  },
  async progress() {
    const [row] = await sessions.run(({ rows }) => rows(progress))
    return {
      now: row?.now as Date,
      endedAt: row?.ended_at as Date | null,
      isRunning: row?.is_running === true,
      positions: (row?.places ?? {}) as RulePositions,
    }
  },
})

const progress = `
  select now() as now, ended_at, lease_until > now() as is_running, places
  from (values (1)) as one (id) left join sweeper using (id)`

const setBack = `
  select extract(epoch from ended_at - now())::double precision as seconds from sweeper where ended_at > ${roundedNow}`

/** Each statement moves the times that are further in the future than the clock was set back. A time that was written since then may be moved
 * too: it is then early, once. */
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
      or (sweeper.ended_at > now() + interval '1 second' and sweeper.lease_until > ${roundedNow} + make_interval(secs => $2)))
    and (sweeper.ended_at is null or sweeper.ended_at <= ${roundedNow} - make_interval(secs => $3) or sweeper.ended_at > now() + interval '1 second')
  returning places`

const renew = `
  update sweeper set lease_until = now() + make_interval(secs => $2), places = $3
  where holder = $1
  returning id`

const end = `
  update sweeper set holder = null, lease_until = null, ended_at = now(), places = $2
  where holder = $1
  returning id`
