import { IsNull, Not } from 'typeorm'
import { rowReader } from '../entities/from-row.ts'
import { Purge as PurgeEntity } from '../entities/purge.ts'
import type { Sessions } from '../sessions.ts'
import type { Purge } from './purge.ts'

/**
 * Objects that nothing names any more. Each is deleted twice: at once, and after the longest call to the object store could have
 * ended, because a copy that was under way may have landed in between. Then its row goes.
 */
export interface Purges {
  /**
   * What is due, longest due first. It is not handed out again for `leaseSeconds`; by then it must be done, or it is due again:
   * so several workers share the work, and a store that is away is not asked without end.
   * An object that an asset names again is let off.
   */
  due(options: { limit: number; leaseSeconds: number }): Promise<Purge[]>
  /** The object was deleted for the first time; it is due again so many seconds from now. @returns false when it is not waiting for this */
  firstDone(key: string, options: { againInSeconds: number }): Promise<boolean>
  /** The object was deleted for the second time. @returns false when it is not waiting for this */
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
    const { affected } = await sessions.run(({ entities }) => entities.delete(PurgeEntity, { key, firstDoneAt: Not(IsNull()) }))
    return affected === 1
  },
})

const read = rowReader(PurgeEntity)

function asPurge(row: Record<string, unknown>): Purge {
  const { dueAt: _, ...purge } = read(row)
  return purge
}

const due = `
  with candidates as (
    select key, due_at from purges where due_at <= now() order by due_at, key limit $1 for update skip locked
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
