import { type Database, DatabaseUnavailable } from '@airlock/database'
import { type JobQueue, JobQueueUnreachable } from '@airlock/queue'
import { type ObjectStore, StoreUnavailable } from '@airlock/storage'
import { Availability, type AvailabilityOptions } from './availability.ts'

export interface ServerDeps {
  database: Database
  store: ObjectStore
  jobQueue: JobQueue
  log: AvailabilityOptions['log']
  tuning?: AvailabilityOptions['tuning']
}

type Guarded = Pick<Database, 'uploads' | 'assets' | 'brands' | 'idempotency' | 'accessLog' | 'events'>

/** The servers behind the gateway, asked only while they are there. */
export interface GuardedServers {
  database: Guarded
  store: ObjectStore
  jobQueue: Pick<JobQueue, 'enqueue' | 'ensureEnqueued' | 'progressOf'>
  /** Runs what needs Redis. @throws JobQueueUnreachable at once while it is away, or whatever `ask` throws */
  throughRedis<T>(ask: () => Promise<T>): Promise<T>
  /** Whether uploads can be taken in at all. @throws StoreUnavailable, DatabaseUnavailable */
  assertUploadsPossible(): void
  close(): Promise<void>
}

export function guardedServers({ database, store, jobQueue, log, tuning }: ServerDeps): GuardedServers {
  const shared = { log, tuning }
  const postgres = new Availability({
    ...shared,
    name: 'postgres',
    probe: (timeoutMs) => database.check(timeoutMs),
    meansAway: (error) => error instanceof DatabaseUnavailable,
    away: () => new DatabaseUnavailable('Postgres is away'),
  })
  const s3 = new Availability({
    ...shared,
    name: 's3',
    probe: (timeoutMs) => store.ping({ timeoutMs }),
    meansAway: (error) => error instanceof StoreUnavailable,
    away: () => new StoreUnavailable('the store is away', null),
  })
  const redis = new Availability({
    ...shared,
    name: 'redis',
    probe: () => jobQueue.ping(),
    // a Redis that answers with an error is there
    meansAway: (error) => error instanceof Error && error.name !== 'ReplyError',
    away: () => new JobQueueUnreachable('Redis is away'),
  })
  return {
    database: {
      uploads: guardedMethods(database.uploads, postgres),
      assets: guardedMethods(database.assets, postgres),
      brands: guardedMethods(database.brands, postgres),
      idempotency: guardedMethods(database.idempotency, postgres),
      accessLog: guardedMethods(database.accessLog, postgres),
      events: guardedMethods(database.events, postgres),
    },
    store: guardedStore(store, s3),
    jobQueue: {
      enqueue: (...args) => redis.through(() => jobQueue.enqueue(...args)),
      ensureEnqueued: (...args) => redis.through(() => jobQueue.ensureEnqueued(...args)),
      progressOf: (...args) => redis.through(() => jobQueue.progressOf(...args)).catch(nullWhenUnreachable),
    },
    throughRedis: (ask) => redis.through(ask),
    assertUploadsPossible: () => {
      postgres.assertThere()
      s3.assertThere()
    },
    close: async () => {
      await Promise.all([postgres.close(), s3.close(), redis.close()])
    },
  }
}

function nullWhenUnreachable(error: unknown): null {
  if (!(error instanceof JobQueueUnreachable)) throw error
  return null
}

type Method = (...args: unknown[]) => Promise<unknown>

/** A repository whose every method goes through `availability`. Its statements have no signal: one that is given up ends by its own timeout. */
function guardedMethods<T extends object>(repository: T, availability: Availability): T {
  const entries = Object.entries(repository as Record<string, Method>)
  return Object.fromEntries(
    entries.map(([name, method]) => [name, (...args: unknown[]) => availability.through(() => method(...args))]),
  ) as unknown as T
}

/**
 * The verbs of a gateway that go to the store. Presigning only computes, so it goes on while the store is away. An upload is only watched: its
 * client can't easily send it again, so it ends by its own failures and timeouts, whatever a check says meanwhile.
 */
function guardedStore(store: ObjectStore, availability: Availability): ObjectStore {
  return {
    ...store,
    receive: (key, bytes, options) =>
      availability.watch(() => store.receive(key, bytes, { ...options, onArrived: () => availability.answered() })),
    head: (object) => availability.through(() => store.head(object)),
    source: (object, pinned) => {
      const source = store.source(object, pinned)
      return { ...source, read: (offset, length) => availability.through(() => source.read(offset, length)) }
    },
    purge: (key) => availability.through(() => store.purge(key)),
  }
}
