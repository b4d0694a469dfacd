import { Socket } from 'node:net'
import { resolvesWithin } from '@airlock/async'
import type { Tracing } from '@airlock/domain'
import type { ClientBase } from 'pg'
import { type DataSource, type EntityManager, QueryFailedError, type QueryRunner } from 'typeorm'
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js'
import { dataSource } from './data-source.ts'
import { entities } from './entities/all.ts'
import type { DatabaseOptions } from './options.ts'
import { type Prepared, PreparedStatements, type StatementText } from './prepared.ts'
import { traceStatement, traceStatements } from './statement-spans.ts'
import { asThrown, codeOf, DatabaseUnavailable } from './unavailable.ts'

/** How much longer than the server's own timeout the driver waits, in ms, so that the server can report its timeout first. */
const graceMs = 1000

export type Row = Record<string, unknown>

/** The connections of a pool. */
export interface PoolUse {
  readonly inUse: number
  readonly idle: number
  /** Callers that wait for a connection. */
  readonly waiting: number
}

/** One connection, for the duration of one piece of work. */
export interface Session {
  /** TypeORM's repositories and query builders, on this connection. */
  readonly entities: EntityManager
  /** Runs an SQL statement and returns its rows. */
  rows(statement: string | Prepared, parameters?: readonly unknown[]): Promise<Row[]>
}

/**
 * The pool of connections. It opens at the first successful use, so that a process starts and stays up while Postgres is unavailable.
 *
 * Errors that mean that Postgres is unavailable become `DatabaseUnavailable`; all others are rethrown.
 */
export class Sessions {
  readonly #source: DataSource
  readonly #sockets = new Set<Socket>()
  readonly #running = new Set<Promise<unknown>>()
  readonly #idleMs: number
  readonly #prepared: PreparedStatements
  /** Null without tracing. */
  readonly tracing: Tracing | null
  #opening: Promise<unknown> | null = null
  #closed = false

  constructor(options: DatabaseOptions) {
    this.#idleMs = options.statementTimeoutMs
    this.tracing = options.tracing ?? null
    this.#prepared = new PreparedStatements(options.preparedStatements ?? true, options.log)
    this.#source = dataSource(options, {
      entities,
      extra: {
        statement_timeout: options.statementTimeoutMs,
        query_timeout: options.statementTimeoutMs + graceMs,
        stream: () => this.#newSocket(),
      },
    })
  }

  /** Connects, unless it is connected. Concurrent calls share one attempt. */
  async open(): Promise<void> {
    this.#opening ??= this.#source.initialize().catch((error) => {
      this.#opening = null
      throw error
    })
    await this.#opening.catch((error) => {
      throw asThrown(error)
    })
  }

  /** Runs `work` with a connection of the pool. */
  async run<T>(work: (session: Session) => Promise<T>): Promise<T> {
    if (this.#closed) throw new DatabaseUnavailable('The database was closed.')
    const running = this.#lend(work)
    this.#running.add(running)
    return running.finally(() => this.#running.delete(running))
  }

  /** Runs `work` in a transaction. */
  async transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.run((session) => inTransaction(session, this.#idleMs, work))
  }

  /** The connections of the pool; none before it was opened. */
  get use(): PoolUse {
    const pool = this.#source.isInitialized ? (this.#source.driver as PostgresDriver).master : null
    if (pool === null) return { inUse: 0, idle: 0, waiting: 0 }
    const { totalCount, idleCount, waitingCount } = pool as { totalCount: number; idleCount: number; waitingCount: number }
    return { inUse: totalCount - idleCount, idle: idleCount, waiting: waitingCount }
  }

  /** Waits for running work, which has its own time limits, then closes all connections. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.allSettled([...this.#running])
    if (!this.#source.isInitialized) return
    const closed = this.#source.destroy()
    // A hung server never closes its connections: then the sockets are destroyed.
    if (!(await resolvesWithin(closed, { ms: graceMs }))) for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  async #lend<T>(work: (session: Session) => Promise<T>): Promise<T> {
    await this.open()
    const runner = this.#source.createQueryRunner()
    if (this.tracing !== null) traceStatements(runner, this.tracing)
    try {
      const connection: ClientBase = await runner.connect()
      return await work(this.#sessionOn(runner, connection))
    } catch (error) {
      const thrown = asThrown(error)
      if (thrown instanceof DatabaseUnavailable) await discard(runner, error)
      throw thrown
    } finally {
      await runner.release()
    }
  }

  #sessionOn(runner: QueryRunner, connection: ClientBase): Session {
    const run = (statement: StatementText, parameters: readonly unknown[]) => {
      const running = () => runStatement(connection, statement, parameters)
      return this.tracing === null ? running() : traceStatement(statement.text, running, this.tracing)
    }
    return {
      entities: runner.manager,
      rows: async (statement, parameters = []) => {
        if (typeof statement === 'string') return run({ text: statement }, parameters)
        const sent = this.#prepared.textOf(statement)
        try {
          return await run(sent, parameters)
        } catch (error) {
          if (!this.#prepared.wasNotExecuted(error, statement, sent)) throw error
          // In a transaction, the error has ended it: then the caller repeats all of it.
          if (connection.getTransactionStatus() !== 'I')
            throw new DatabaseUnavailable('A statement has to be prepared again', { cause: error })
          return run({ text: statement.text }, parameters)
        }
      },
    }
  }

  #newSocket(): Socket {
    const socket = new Socket()
    this.#sockets.add(socket)
    return socket.once('close', () => this.#sockets.delete(socket))
  }
}

/** Runs a statement without TypeORM's logger and events, which nothing uses. Its errors are those of TypeORM's `query`, without the values. */
async function runStatement(connection: ClientBase, statement: StatementText, parameters: readonly unknown[]): Promise<Row[]> {
  try {
    const { rows } = await connection.query<Row>({ ...statement, values: [...parameters] })
    return rows
  } catch (error) {
    throw new QueryFailedError(statement.text, undefined, error as Error)
  }
}

/**
 * Closes the connection of failed work. Otherwise the pool would reuse it after the driver has timed out on it (`Query read timeout`), and the
 * next statement would queue after the one that hangs.
 */
async function discard(runner: QueryRunner, error: unknown): Promise<void> {
  const serverAnswered = codeOf(error) === '57014' || codeOf(error) === '55P03'
  if (serverAnswered || runner.isReleased) return
  const connection = await runner.connect().catch(() => null)
  connection?.end(() => {})
}

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
 * @param idleMs the time without a statement after which the server ends the transaction, so that a paused process does not hold locks forever
 */
async function inTransaction<T>(session: Session, idleMs: number, work: (transaction: Transaction) => Promise<T>): Promise<T> {
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
