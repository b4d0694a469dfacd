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

/** The servers that the gateway depends on, called only while they are available. */
export interface GuardedServers {
  database: Guarded
  store: ObjectStore
  jobQueue: Pick<JobQueue, 'enqueue' | 'ensureEnqueued' | 'progressOf'>
  /** Runs work that needs Redis. @throws JobQueueUnreachable at once while it is unavailable, or the error of `ask` */
  throughRedis<T>(ask: () => Promise<T>): Promise<T>
  /** Checks that uploads can be received at all. @throws StoreUnavailable, DatabaseUnavailable */
  assertUploadsPossible(): void
  close(): Promise<void>
}

export function guardedServers({ database, store, jobQueue, log, tuning }: ServerDeps): GuardedServers {
  const shared = { log, tuning }
  const postgres = new Availability({
    ...shared,
    name: 'postgres',
    probe: (timeoutMs) => database.check(timeoutMs),
    meansUnavailable: (error) => error instanceof DatabaseUnavailable,
    unavailableError: () => new DatabaseUnavailable('Postgres is unavailable'),
  })
  const s3 = new Availability({
    ...shared,
    name: 's3',
    probe: (timeoutMs) => store.ping({ timeoutMs }),
    meansUnavailable: (error) => error instanceof StoreUnavailable,
    unavailableError: () => new StoreUnavailable('the store is unavailable', null),
  })
  const redis = new Availability({
    ...shared,
    name: 'redis',
    probe: () => jobQueue.ping(),
    // a Redis that replies with an error is available
    meansUnavailable: (error) => error instanceof Error && error.name !== 'ReplyError',
    unavailableError: () => new JobQueueUnreachable('Redis is unavailable'),
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
      postgres.assertAvailable()
      s3.assertAvailable()
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

/** A repository whose methods all go through `availability`. Its statements take no signal: an aborted one ends by its own timeout. */
function guardedMethods<T extends object>(repository: T, availability: Availability): T {
  const entries = Object.entries(repository as Record<string, Method>)
  return Object.fromEntries(
    entries.map(([name, method]) => [name, (...args: unknown[]) => availability.through(() => method(...args))]),
  ) as unknown as T
}

/**
 * The store, guarded by `availability`. Presigning only computes, so it works while the store is unavailable. An upload is only watched:
 * repeating it is expensive for its client, so it ends only by its own failures and timeouts.
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
    beginParts: (key, options) => availability.through(() => store.beginParts(key, options)),
    arrivedParts: (parts) => availability.through(() => store.arrivedParts(parts)),
    // some stores need minutes for thousands of parts
    completeParts: (parts, arrived) => availability.watch(() => store.completeParts(parts, arrived)),
  }
}
