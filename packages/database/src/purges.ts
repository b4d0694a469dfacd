import { IsNull, Not } from 'typeorm'
import { roundedNow, rowReader } from './entities/columns.ts'
import { type DuePurge, Purge } from './entities/purge.ts'
import type { Sessions } from './sessions.ts'

/**
 * Objects to which no row refers any more. Each is removed twice: at once, and after the longest call to the object store must have
 * ended, because a running copy may have landed in between. Then its row is deleted.
 */
export interface Purges {
  /**
   * Takes the objects that are due, longest due first. Each one is reserved for `leaseSeconds` and due again afterwards, so that several
   * workers share the work, and an unavailable store is not called in a loop.
   * The row of an object to which an asset refers again is deleted instead.
   */
  due(options: { limit: number; leaseSeconds: number }): Promise<DuePurge[]>
  /** Records the first removal; the object is due again after the given seconds. @returns false when it is not in that state */
  firstDone(key: string, options: { againInSeconds: number }): Promise<boolean>
  /** Records the second removal. @returns false when the object is not in that state */
  finished(key: string): Promise<boolean>
}

export const purges = (sessions: Sessions): Purges => ({
  async due({ limit, leaseSeconds }) {
    const rows = await sessions.run((session) => session.rows(due, [limit, leaseSeconds]))
    return rows.map(asPurge)
  },
  async firstDone(key, { againInSeconds }) {
    const rows = await sessions.run((session) => session.rows(firstDone, [key, againInSeconds]))
    return rows.length === 1
  },
  async finished(key) {
    const { affected } = await sessions.run(({ entities }) => entities.delete(Purge, { key, firstDoneAt: Not(IsNull()) }))
    return affected === 1
  },
})

const read = rowReader(Purge)

function asPurge(row: Record<string, unknown>): DuePurge {
  const { dueAt: _, ...purge } = read(row)
  return purge
}

const due = `
  with candidates as (
    select key, due_at from purges where due_at <= ${roundedNow} order by due_at, key limit $1 for update skip locked
  ), let_off as (
    delete from purges using candidates join assets on assets.s3_key = candidates.key where purges.key = candidates.key
    returning purges.key
  ), taken as (
    update purges set due_at = now() + make_interval(secs => $2)
    from candidates where purges.key = candidates.key and not exists (select from assets where s3_key = purges.key)
    returning purges.*, candidates.due_at as was_due_at
  )
  select * from taken order by was_due_at, key`

const firstDone = `
  update purges set done_first_at = now(), due_at = now() + make_interval(secs => $2)
  where key = $1 and done_first_at is null
  returning key`
