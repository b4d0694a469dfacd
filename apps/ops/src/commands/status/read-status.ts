import { withTimeout } from '@airlock/async'
import {
  databaseSettings,
  databaseVariables,
  type Environment,
  errorLine,
  readConfig,
  storeSettings,
  storeVariables,
} from '@airlock/config'
import { type Database, type EndpointProgress, openDatabase, type SweeperProgress, type UploadLoad } from '@airlock/database'
import { JobBoard, type QueueLane, queueLanes } from '@airlock/queue'
import { checkHealth, type ObjectStore, s3ObjectStore } from '@airlock/storage'

/** The state of a server that Airlock depends on. */
export interface Dependency {
  readonly dependency: 'postgres' | 'redis' | 's3'
  readonly up: boolean
  /** Of a check on an open connection; null when it is not up. */
  readonly latencyMs: number | null
  readonly error: string | null
}

/** What could be read. A part is null when its server is unavailable, or when it is one of `problems`. */
export interface Status {
  readonly dependencies: readonly Dependency[]
  readonly load: UploadLoad | null
  readonly paused: ReadonlyMap<QueueLane, boolean> | null
  readonly relayLagSeconds: number | null
  readonly endpoints: readonly EndpointProgress[] | null
  readonly sweeper: SweeperProgress | null
  /** Parts that could not be read although their server is available. */
  readonly problems: readonly string[]
}

/** Time limit of each check and of each part, in ms. */
const timeoutMs = 2500

const maxEndpoints = 100

interface StatusServers {
  /** Opens the database, unless it is open. @throws DatabaseUnavailable */
  database(): Promise<Database>
  readonly board: JobBoard
  readonly store: ObjectStore
}

/** Reads the status again and again on the same connections. */
export interface StatusReader {
  /** It never throws, and takes at most a few seconds, whatever the servers do. */
  read(): Promise<Status>
  /** Its connections, for further reading. Their calls end in a few seconds too. */
  readonly servers: StatusServers
  close(): Promise<void>
}

/** @throws ConfigError */
export function statusReader(env: Environment): StatusReader {
  const config = readConfig(env, [...databaseVariables, ...storeVariables, 'REDIS_URL'])
  const database = reopened(() => {
    const settings = databaseSettings(config)
    const limits = { statementTimeoutMs: Math.min(settings.statementTimeoutMs, timeoutMs), poolSize: 4 }
    return openDatabase({ ...settings, ...limits, applicationName: 'airlock-ops', log: silent })
  })
  // the status shows why a server is unavailable
  const board = new JobBoard({ redisUrl: config.REDIS_URL, onError: () => {} })
  const store = s3ObjectStore(storeSettings(config))
  return {
    servers: { database: database.get, board, store },
    async read() {
      const dependencies = await Promise.all([
        checked('postgres', async () => (await database.get()).check(timeoutMs)),
        checked('redis', () => board.ping()),
        checked('s3', () => checkHealth(store, { timeoutMs })),
      ])
      const [postgres, redis] = dependencies
      const problems: string[] = []
      const part = async <T>(name: string, available: boolean, work: () => Promise<T>): Promise<T | null> => {
        if (!available) return null
        return inTime(work()).catch((error: unknown) => {
          problems.push(`${name}: ${errorLine(error)}`)
          return null
        })
      }
      const fromPostgres = <T>(name: string, work: (from: Database) => Promise<T>) =>
        part(name, postgres.up, async () => work(await database.get()))
      const [load, relayLagSeconds, endpoints, sweeper, paused] = await Promise.all([
        fromPostgres('lanes', (from) => from.load()),
        fromPostgres('event relay', (from) => from.eventRelay.lagSeconds()),
        fromPostgres('webhooks', (from) => from.webhooks.progress({ limit: maxEndpoints })),
        fromPostgres('sweeper', (from) => from.sweeper.progress()),
        part('paused lanes', redis.up, () => pausedLanes(board)),
      ])
      return { dependencies, load, paused, relayLagSeconds, endpoints, sweeper, problems }
    },
    async close() {
      await Promise.all([board.close(), database.close()])
      store.close()
    },
  }
}

const silent = { info: () => {}, warn: () => {} }

/** The database, opened again after Postgres has refused the connection. */
function reopened(open: () => Promise<Database>): { get(): Promise<Database>; close(): Promise<void> } {
  let opening: Promise<Database> | null = null
  return {
    get: () => {
      opening ??= open().catch((error) => {
        opening = null
        throw error
      })
      return opening
    },
    close: async () => (await opening?.catch(() => null))?.close(),
  }
}

const inTime = <T>(work: Promise<T>): Promise<T> => withTimeout(work, timeoutMs, () => new Error(`no answer in ${timeoutMs} ms`))

/** Checks twice: the first check may have to connect, which says little about the server's latency. */
async function checked<N extends Dependency['dependency']>(dependency: N, check: () => Promise<unknown>) {
  try {
    await inTime(check())
    const started = performance.now()
    await inTime(check())
    return { dependency, up: true, latencyMs: Math.round((performance.now() - started) * 10) / 10, error: null }
  } catch (error) {
    return { dependency, up: false, latencyMs: null, error: errorLine(error) }
  }
}

async function pausedLanes(board: JobBoard): Promise<Map<QueueLane, boolean>> {
  return new Map(await Promise.all(queueLanes.map(async (lane) => [lane, await board.isPaused(lane)] as const)))
}
