import { setTimeout as pause } from 'node:timers/promises'
import { MigrationExecutor, type QueryRunner } from 'typeorm'
import { dataSource } from './data-source.ts'
import { migrations } from './migrations/index.ts'
import type { DatabaseLog } from './options.ts'
import { asThrown, DatabaseUnavailable } from './unavailable.ts'

export interface MigrateOptions {
  /** A direct connection, not through a pooler: the lock belongs to the connection. */
  readonly url: string
  readonly log: DatabaseLog
  /** For how long to wait, in ms, for others who are migrating the same database. */
  readonly lockTimeoutMs?: number
}

/** The table in which TypeORM notes what has run; a name of our own, because the database may be the product's. */
export const migrationsTable = 'airlock_migrations'

/** Any number, as long as nobody else uses it for an advisory lock in this database. */
const lockKey = 4_128_775_601

/**
 * Brings the schema up to date. Any number of processes may call it at once: one works, the others wait and find nothing to do.
 *
 * @returns the names of the migrations that ran, oldest first
 * @throws DatabaseUnavailable when Postgres is away, or others hold the lock for longer than `lockTimeoutMs` (default 5 minutes)
 */
export async function migrate(options: MigrateOptions): Promise<string[]> {
  return underLock(options, async (executor) => (await executor.executePendingMigrations()).map(({ name }) => name))
}

/**
 * Takes back the migration that ran last, if any. Data in what it made is lost.
 *
 * @returns its name, or null when there was none
 */
export async function revertLastMigration(options: MigrateOptions): Promise<string | null> {
  return underLock(options, async (executor) => {
    const [last] = await executor.getExecutedMigrations()
    await executor.undoLastMigration()
    return last?.name ?? null
  })
}

async function underLock<T>(options: MigrateOptions, work: (executor: MigrationExecutor) => Promise<T>): Promise<T> {
  const where = { ...options, poolSize: 1, connectTimeoutMs: 10_000, applicationName: 'airlock-migrate' }
  // A statement that waits for a table blocks everybody who comes after it: better to fail and be run again.
  const source = dataSource(where, { migrations, migrationsTableName: migrationsTable, extra: { lock_timeout: 30_000 } })
  try {
    await source.initialize()
    const runner = source.createQueryRunner()
    try {
      await lock(runner, options)
      const executor = new MigrationExecutor(source, runner)
      executor.transaction = 'each'
      return await work(executor)
    } finally {
      await runner.release()
    }
  } catch (error) {
    throw asThrown(error)
  } finally {
    // The lock goes with the connection.
    if (source.isInitialized) await source.destroy()
  }
}

/** Asks again and again instead of waiting inside Postgres: a waiting statement would itself hold up `create index concurrently`. */
async function lock(runner: QueryRunner, { log, lockTimeoutMs = 300_000 }: MigrateOptions): Promise<void> {
  const giveUpAt = performance.now() + lockTimeoutMs
  for (let asked = 0; ; asked += 1) {
    const [{ locked }] = await runner.query('select pg_try_advisory_lock($1) as locked', [lockKey])
    if (locked) return
    if (performance.now() >= giveUpAt) throw new DatabaseUnavailable(`Others have been migrating this database for ${lockTimeoutMs} ms`)
    if (asked === 0) log.info({}, 'waiting for others who are migrating this database')
    await pause(100)
  }
}
