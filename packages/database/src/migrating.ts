import { sleep } from '@airlock/async'
import { MigrationExecutor, type QueryRunner } from 'typeorm'
import { dataSource } from './data-source.ts'
import type { DatabaseLog } from './options.ts'
import { asThrown, DatabaseUnavailable } from './unavailable.ts'

export interface MigrateOptions {
  /** A direct connection, not through a pooler: the lock belongs to the connection. */
  readonly url: string
  readonly log: DatabaseLog
  /** How long to wait for other processes that migrate the same database, in ms. */
  readonly lockTimeoutMs?: number
}

/** The table in which TypeORM records executed migrations; not its default name, because the product may share the database. */
export const migrationsTable = 'airlock_migrations'

/** Any number that no other advisory lock in this database uses. */
const lockKey = 4_128_775_601

/**
 * Brings the schema up to date. Any number of processes may call it at once: one does the work, the others wait and find nothing to do.
 *
 * @returns the names of the migrations that ran, oldest first
 * @throws DatabaseUnavailable when Postgres is unavailable, or others hold the lock for longer than `lockTimeoutMs` (default 5 minutes)
 */
export async function migrate(options: MigrateOptions): Promise<string[]> {
  return underLock(options, async (executor) => (await executor.executePendingMigrations()).map(({ name }) => name))
}

/**
 * Reverts the last migration, if any. Data in its tables and columns is lost.
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
  // A statement that waits for a table lock blocks all later ones: it is better to fail and run again.
  const { migrations } = await import('./migrations/index.ts') // the services never migrate, so they do not load the migrations
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
    // Closing the connection releases the lock.
    if (source.isInitialized) await source.destroy()
  }
}

/** Polls instead of waiting in Postgres: a waiting statement would block `create index concurrently`. */
async function lock(runner: QueryRunner, { log, lockTimeoutMs = 300_000 }: MigrateOptions): Promise<void> {
  const giveUpAt = performance.now() + lockTimeoutMs
  for (let polls = 0; ; polls += 1) {
    const [{ locked }] = await runner.query('select pg_try_advisory_lock($1) as locked', [lockKey])
    if (locked) return
    if (performance.now() >= giveUpAt)
      throw new DatabaseUnavailable(`Other processes have been migrating this database for ${lockTimeoutMs} ms`)
    if (polls === 0) log.info({}, 'waiting for another process that migrates this database')
    await sleep(100)
  }
}
