import { Socket } from 'node:net'
import type { DataSource, EntityManager, QueryRunner } from 'typeorm'
import { dataSource } from './data-source.ts'
import { entities } from './entities/all.ts'
import type { DatabaseOptions } from './options.ts'
import { inTransaction, type Transaction } from './transaction.ts'
import { asThrown, codeOf, DatabaseUnavailable } from './unavailable.ts'

/** How much longer than the server the driver waits for an answer, in ms: the server's own word comes first when it can speak. */
const patienceMs = 1000

export type Row = Record<string, unknown>

/** One connection, lent for a piece of work. */
export interface Session {
  /** TypeORM's repositories and query builders, on this connection. */
  readonly entities: EntityManager
  /** Runs a hand-written statement and returns its rows. */
  rows(sql: string, parameters?: readonly unknown[]): Promise<Row[]>
}

/**
 * The pool of connections. It opens at the first use that succeeds, so that a process starts and stays up while Postgres is away.
 *
 * All that goes wrong because Postgres is out of reach comes out as `DatabaseUnavailable`; any other error as it is.
 */
export class Sessions {
  readonly #source: DataSource
  readonly #sockets = new Set<Socket>()
  readonly #running = new Set<Promise<unknown>>()
  readonly #idleMs: number
  #opening: Promise<unknown> | null = null
  #closed = false

  constructor(options: DatabaseOptions) {
    this.#idleMs = options.statementTimeoutMs
    this.#source = dataSource(options, {
      entities,
      extra: {
        statement_timeout: options.statementTimeoutMs,
        query_timeout: options.statementTimeoutMs + patienceMs,
        stream: () => this.#newSocket(),
      },
    })
  }

  /** Connects, when that has not been done yet; callers at the same time share one attempt. */
  async open(): Promise<void> {
    this.#opening ??= this.#source.initialize().catch((error) => {
      this.#opening = null
      throw error
    })
    await this.#opening.catch((error) => {
      throw asThrown(error)
    })
  }

  /** Lends a connection to `work` and takes it back afterwards. */
  async run<T>(work: (session: Session) => Promise<T>): Promise<T> {
    if (this.#closed) throw new DatabaseUnavailable('The database was closed.')
    const running = this.#lend(work)
    this.#running.add(running)
    return running.finally(() => this.#running.delete(running))
  }

  /** Lends a connection to `work`, in a transaction of its own. */
  async transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.run((session) => inTransaction(session, this.#idleMs, work))
  }

  /** Waits for what runs (each piece of work has its own time limit), then closes every connection. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.allSettled([...this.#running])
    if (!this.#source.isInitialized) return
    // A server that hangs never answers a goodbye: then the sockets are cut.
    const cut = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy()
    }, patienceMs)
    await this.#source.destroy().finally(() => clearTimeout(cut))
  }

  async #lend<T>(work: (session: Session) => Promise<T>): Promise<T> {
    await this.open()
    const runner = this.#source.createQueryRunner()
    try {
      return await work(sessionOn(runner))
    } catch (error) {
      const thrown = asThrown(error)
      if (thrown instanceof DatabaseUnavailable) await discard(runner, error)
      throw thrown
    } finally {
      await runner.release()
    }
  }

  #newSocket(): Socket {
    const socket = new Socket()
    this.#sockets.add(socket)
    return socket.once('close', () => this.#sockets.delete(socket))
  }
}

const sessionOn = (runner: QueryRunner): Session => ({
  entities: runner.manager,
  rows: async (sql, parameters = []) => (await runner.query(sql, [...parameters], true)).records,
})

/**
 * Ends the connection of a failed piece of work. Without this the pool would lend it again although the driver gave up waiting
 * for an answer on it (`Query read timeout`): the next statement would queue behind the one that hangs.
 */
async function discard(runner: QueryRunner, error: unknown): Promise<void> {
  const serverStillTalks = codeOf(error) === '57014' || codeOf(error) === '55P03'
  if (serverStillTalks || runner.isReleased) return
  const connection = await runner.connect().catch(() => null)
  connection?.end(() => {})
}
