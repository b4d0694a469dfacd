import { createHash } from 'node:crypto'
import type { DatabaseLog } from './options.ts'
import { codeOf } from './unavailable.ts'

/** A statement that each connection parses once. Its plan is made once as well, unless Postgres expects more of a plan for the values of each call. */
export interface Prepared {
  /** Contains a hash of the text, because a pooler may pass one connection to processes of two releases. */
  readonly name: string
  readonly text: string
}

/** @param name says in `pg_prepared_statements` what it does */
export const prepared = (name: string, text: string): Prepared => ({
  name: `airlock_${name}_${createHash('sha256').update(text).digest('hex').slice(0, 8)}`,
  text,
})

/** A statement as the driver takes it; without a name, it is parsed at each call. */
export interface StatementText {
  readonly name?: string
  readonly text: string
}

/**
 * Whether the connection lacks a statement that was prepared, or has one that was not: a pooler executed our statements on several connections
 * without keeping track of what it prepared on which.
 */
const isUntracked = (code: string | null): boolean => code === '26000' || code === '42P05'

/** `cached plan must not change result type`: a migration added a column to what the statement returns. */
const isOutdated = (code: string | null): boolean => code === '0A000'

/**
 * Decides which statements of a process are prepared. Each of the errors that it handles is raised before the statement is executed, so that the
 * statement can be sent again.
 */
export class PreparedStatements {
  readonly #log: DatabaseLog
  #enabled: boolean
  /** Added to names and texts, so that statements are prepared again after a migration, by a pooler as well, which recognises them by their texts. */
  #generation = 0

  constructor(enabled: boolean, log: DatabaseLog) {
    this.#enabled = enabled
    this.#log = log
  }

  textOf({ name, text }: Prepared): StatementText {
    if (!this.#enabled) return { text }
    return this.#generation === 0 ? { name, text } : { name: `${name}_${this.#generation}`, text: `${text} -- ${this.#generation}` }
  }

  /**
   * Handles the error of a prepared statement.
   *
   * @param sent the result of `textOf` that failed
   * @returns whether the statement was not executed because of how it was prepared; later ones are prepared differently, or not at all
   */
  wasNotExecuted(error: unknown, statement: Prepared, sent: StatementText): boolean {
    if (sent.name === undefined) return false
    const code = codeOf(error)
    if (isOutdated(code)) {
      if (this.textOf(statement).name === sent.name) this.#generation += 1
      return true
    }
    if (!isUntracked(code)) return false
    if (this.#enabled) {
      this.#enabled = false
      this.#log.warn(
        { err: error },
        'statements are no longer prepared, because the pooler of Postgres does not support it: set its max_prepared_statements, or DATABASE_PREPARED_STATEMENTS=false',
      )
    }
    return true
  }
}
