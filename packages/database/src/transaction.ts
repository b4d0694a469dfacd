import type { Session } from './sessions.ts'
import { DatabaseUnavailable } from './unavailable.ts'

/** A connection inside of a transaction. */
export interface Transaction extends Session {
  /** Lets the transaction end without a trace, though nothing failed. */
  undo(): void
}

/**
 * Runs `work` in a transaction of its own: committed when it returns, rolled back when it throws or calls `undo`.
 *
 * When the connection breaks during the commit, nobody knows whether it took effect (`DatabaseUnavailable`).
 *
 * @param idleMs the server ends the transaction when we say nothing for so long: a process that was paused holds no lock for ever
 */
export async function inTransaction<T>(session: Session, idleMs: number, work: (transaction: Transaction) => Promise<T>): Promise<T> {
  let ending: 'commit' | 'rollback' = 'commit'
  await session.rows(`begin; set local idle_in_transaction_session_timeout = ${idleMs}`)
  let result: T
  try {
    result = await work({
      ...session,
      undo: () => {
        ending = 'rollback'
      },
    })
  } catch (error) {
    // A connection that can't even roll back must not be lent again: DatabaseUnavailable makes its lender end it.
    await session.rows('rollback').catch(() => {
      throw new DatabaseUnavailable('The connection broke in a transaction', { cause: error })
    })
    throw error
  }
  await session.rows(ending)
  return result
}
