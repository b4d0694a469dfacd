import { withTimeout } from '@airlock/async'
import { type AccessLog, accessLog } from './access-log/repository.ts'
import { type AssetRepository, assetRepository } from './assets/repository.ts'
import { type BrandRepository, brandRepository } from './brands.ts'
import { type EventRelay, eventRelay } from './events/relay.ts'
import { type Events, eventRepository } from './events/repository.ts'
import { type IdempotencyRepository, idempotencyRepository } from './idempotency.ts'
import { type OpsLog, opsLog } from './ops-log.ts'
import type { DatabaseOptions } from './options.ts'
import { type Purges, purges } from './purges.ts'
import { type ServerState, serverState } from './server-state.ts'
import { type PoolUse, Sessions } from './sessions.ts'
import { type SweeperLease, sweeperLease } from './sweeper-lease.ts'
import { DatabaseUnavailable } from './unavailable.ts'
import { type UploadLoad, uploadLoad } from './uploads/load.ts'
import { type UploadRepository, uploadRepository } from './uploads/repository.ts'
import { type Webhooks, webhooks } from './webhooks/repository.ts'

export interface Database {
  readonly uploads: UploadRepository
  readonly assets: AssetRepository
  readonly brands: BrandRepository
  readonly idempotency: IdempotencyRepository
  readonly purges: Purges
  readonly accessLog: AccessLog
  readonly sweeper: SweeperLease
  readonly events: Events
  readonly eventRelay: EventRelay
  readonly webhooks: Webhooks
  readonly opsLog: OpsLog
  /**
   * Checks that Postgres answers and has our tables. It uses a separate connection, so that it neither waits for the pool nor takes a connection
   * from it.
   *
   * @throws DatabaseUnavailable when it does not answer within `timeoutMs`
   */
  check(timeoutMs: number): Promise<void>
  /**
   * Counts the uploads that have not ended, for metrics. It uses a separate connection as `check` does, and is cancelled by the server after a second.
   *
   * @throws DatabaseUnavailable
   */
  load(): Promise<UploadLoad>
  /**
   * The server's clock, connections and migrations, for operators.
   *
   * @throws DatabaseUnavailable
   */
  state(): Promise<ServerState>
  /** The use of the pools by name: that of all statements, and that of `check` and `load`. */
  pools(): Readonly<Record<'postgres' | 'postgres_checks', PoolUse>>
  /** Waits for running statements, then closes all connections. Later calls throw `DatabaseUnavailable`. */
  close(): Promise<void>
}

/**
 * Opens the database. It succeeds while Postgres is unavailable: each later call tries to connect.
 *
 * @throws Error when Postgres refuses the connection: a wrong password, an unknown database
 * @example const database = await openDatabase({ url, poolSize: 10, statementTimeoutMs: 5000, connectTimeoutMs: 2000, applicationName: 'airlock-gateway', log })
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const sessions = new Sessions(options)
  const checks = new Sessions({ ...options, poolSize: 2, tracing: undefined }) // one for `check`, one for `load`
  await sessions.open().catch((err) => {
    if (!(err instanceof DatabaseUnavailable)) throw err
    options.log.warn({ err }, 'database unavailable, connecting again at its next use')
  })
  return {
    uploads: uploadRepository(sessions),
    assets: assetRepository(sessions),
    brands: brandRepository(sessions),
    idempotency: idempotencyRepository(sessions),
    purges: purges(sessions),
    accessLog: accessLog(sessions),
    sweeper: sweeperLease(sessions),
    events: eventRepository(sessions),
    eventRelay: eventRelay(sessions),
    webhooks: webhooks(sessions),
    opsLog: opsLog(sessions),
    check: async (timeoutMs) => {
      const answer = checks.run((session) => session.rows('select from uploads limit 1'))
      await withTimeout(answer, timeoutMs, () => new DatabaseUnavailable(`Postgres did not answer within ${timeoutMs} ms`))
    },
    load: () => uploadLoad(checks),
    state: () => serverState(sessions),
    pools: () => ({ postgres: sessions.use, postgres_checks: checks.use }),
    close: async () => {
      await Promise.all([sessions.close(), checks.close()])
    },
  }
}
