import type { Session } from './sessions.ts'
import { DatabaseUnavailable } from './unavailable.ts'

/** A connection in a transaction. */
export interface Transaction extends Session {
  /** Makes the transaction roll back although nothing failed. */
  undo(): void
}

/**
 * Runs `work` in a transaction: committed when it returns, rolled back when it throws or calls `undo`.
 *
 * When the connection breaks during the commit, it is unknown whether it took effect (`DatabaseUnavailable`).
 *
 * @param idleMs after so long without a statement the server ends the transaction, so that a paused process does not hold locks forever
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
    // A connection that can't roll back must not be reused: DatabaseUnavailable makes the pool close it.
    await session.rows('rollback').catch(() => {
      throw new DatabaseUnavailable('The connection broke in a transaction', { cause: error })
    })
    throw error
  }
  await session.rows(ending)
  return result
}
