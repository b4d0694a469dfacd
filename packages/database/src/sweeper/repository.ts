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
   * Takes the lease, unless somebody has it, or a sweep ended less than `notWithinSeconds` ago.
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

const take = `
  insert into sweeper (id, holder, lease_until) values (1, $1, now() + make_interval(secs => $2))
  on conflict (id) do update set holder = excluded.holder, lease_until = excluded.lease_until
  where (sweeper.lease_until is null or sweeper.lease_until <= now())
    and (sweeper.ended_at is null or sweeper.ended_at <= now() - make_interval(secs => $3))
  returning places`

const renew = `
  update sweeper set lease_until = now() + make_interval(secs => $2), places = $3
  where holder = $1
  returning id`

const end = `
  update sweeper set holder = null, lease_until = null, ended_at = now(), places = $2
  where holder = $1
  returning id`
