import { randomUUID } from 'node:crypto'
import { type AssetRecord, type Database, openDatabase, type UploadRecord } from '@airlock/database'
import { isFinal, type UploadState, uploadIdOfWaitingKey } from '@airlock/domain'
import { blockingConnection, JobQueue, type QueueLane, queueNames } from '@airlock/queue'
import { type ObjectStore, type S3StoreOptions, s3ObjectStore } from '@airlock/storage'
import { Queue } from 'bullmq'
import type { Redis } from 'ioredis'
import { Client } from 'pg'
import { expect } from 'vitest'
import { type IsolatedBucket, isolatedBucket } from './isolated-bucket.ts'
import { deleteAllRows, isolatedDatabase } from './isolated-database.ts'
import { isolatedQueuePrefix } from './isolated-queue-prefix.ts'
import { RecordedLog } from './recorded-log.ts'

export type Servers = Awaited<ReturnType<typeof openServers>>
export type Queues = Awaited<ReturnType<typeof openQueues>>

const silent = { info: () => {}, warn: () => {} }

export const openAt = (url: string): Promise<Database> =>
  openDatabase({ url, poolSize: 10, statementTimeoutMs: 5000, connectTimeoutMs: 2000, applicationName: 'airlock-tests', log: silent })

/** Settings of a store on a bucket. Copies from 5 MiB use parts, so that tests can be small. */
export const storeOptions = ({ bucket, endpoint, region, accessKeyId, secretAccessKey }: IsolatedBucket) => ({
  bucket,
  region,
  endpoint,
  forcePathStyle: true,
  credentials: { accessKeyId, secretAccessKey },
  encryption: 'AES256' as const,
  checksums: 'when_supported' as const,
  callTimeoutMs: 10_000,
  multipartCopyFromBytes: 5 * 1024 * 1024,
  serverSideCopy: true,
})

/** Makes an empty bucket, and a database with the schema. */
export async function isolatedServers() {
  const [{ url, drop }, bucket] = await Promise.all([isolatedDatabase(), isolatedBucket()])
  return { databaseUrl: url, bucket, drop: async () => void (await Promise.all([drop(), bucket.drop()])) }
}

/** Opens the database and bucket of one test file on the shared servers. */
export async function openServers() {
  const { databaseUrl, bucket, drop } = await isolatedServers()
  const database = await openAt(databaseUrl)
  const sql = new Client({ connectionString: databaseUrl })
  await sql.connect()
  const stores: ObjectStore[] = []
  const storeWith = (options: Partial<S3StoreOptions>) => {
    const store = s3ObjectStore({ ...storeOptions(bucket), ...options })
    stores.push(store)
    return store
  }
  const store = storeWith({})
  return {
    databaseUrl,
    database,
    sql,
    bucket,
    store,
    /** Another store on the bucket; closed with the rest. */
    storeWith,
    /** Deletes all rows and objects. */
    empty: async () => {
      await deleteAllRows(sql)
      await Promise.all((await bucket.keys()).map((key) => store.purge(key)))
      await Promise.all((await bucket.openMultipartUploads()).map((key) => store.abandonReceives(key)))
    },
    close: async () => {
      for (const store of stores) store.close()
      await Promise.all([database.close(), sql.end()])
      await drop()
    },
  }
}

/**
 * Opens queues of the caller's own.
 *
 * @param redisUrl of another Redis than this run's @param prefix of queues that exist already; their keys are deleted with these
 */
export async function openQueues(redisUrl?: string, prefix?: string) {
  const { drop, ...own } = isolatedQueuePrefix(redisUrl, prefix)
  const connections: Redis[] = []
  const jobQueue = new JobQueue({ ...own, onError: () => {} })
  await jobQueue.ready()
  const connection = () => {
    const redis = blockingConnection(own.redisUrl, { onError: () => {} })
    connections.push(redis)
    return redis
  }
  return {
    ...own,
    jobQueue,
    /** A connection for a worker's blocking reads; closed with the rest. */
    connection,
    /** Reads from a lane, or adds to it. */
    onLane: async <T>(lane: QueueLane, work: (queue: Queue) => Promise<T>): Promise<T> => {
      const queue = new Queue(queueNames[lane], { connection: connection(), prefix: own.prefix })
      return work(queue).finally(() => queue.close())
    },
    /** Deletes all keys. */
    empty: drop,
    close: async () => {
      await jobQueue.close()
      for (const redis of connections) redis.disconnect()
      await drop()
    },
  }
}

/** What no active upload needs in a database and below some prefixes of a bucket: each row or object is a leak. */
export async function leftovers(sql: Pick<Client, 'query'>, bucket: IsolatedBucket, prefixes: readonly string[] = ['quarantine/']) {
  const { rows } = await sql.query<{ id: string; state: UploadState }>('select id, state from uploads')
  const alive = new Set(rows.filter(({ state }) => state !== 'receiving' && !isFinal(state)).map(({ id }) => id))
  const waiting = (await Promise.all(prefixes.map((prefix) => bucket.keys(prefix)))).flat()
  return {
    orphans: waiting.filter((key) => !alive.has(uploadIdOfWaitingKey(key) ?? '')),
    receiving: rows.filter(({ state }) => state === 'receiving').map(({ id }) => id),
    openMultipartUploads: await bucket.openMultipartUploads(),
  }
}

/** The base of the fixtures of all levels: reads the uploads of one test's user, and fails a test that leaves something behind. */
export class AirlockFixture {
  readonly servers: Servers
  readonly queues: Queues
  readonly userId: string = randomUUID()
  readonly log = new RecordedLog()
  /** Where no object may be left without its upload. */
  protected readonly prefixes: readonly string[] = ['quarantine/']
  #leavesBehind = false

  constructor(servers: Servers, queues: Queues) {
    this.servers = servers
    this.queues = queues
  }

  get uploads(): Database['uploads'] {
    return this.servers.database.uploads
  }

  get store(): ObjectStore {
    return this.servers.store
  }

  async of({ id }: { id: string }): Promise<UploadRecord> {
    const upload = await this.uploads.byId(id)
    if (upload === null) throw new Error(`there is no upload ${id}`)
    return upload
  }

  async assetsOf({ id }: { id: string }): Promise<AssetRecord[]> {
    const { rows } = await this.servers.sql.query('select id from assets where upload_id = $1', [id])
    const assets = await Promise.all(rows.map((row) => this.servers.database.assets.byId(row.id)))
    return assets.filter((asset) => asset !== null)
  }

  quarantine(): Promise<string[]> {
    return this.servers.bucket.keys('quarantine/')
  }

  inbox(): Promise<string[]> {
    return this.servers.bucket.keys('pipeline-inbox/')
  }

  /** Declares that a test leaves something intentionally. */
  leavesBehind(_reason: string): void {
    this.#leavesBehind = true
  }

  /** @throws if something is left that no active upload needs */
  async expectNothingLeft(): Promise<void> {
    if (this.#leavesBehind) return
    const nothing = { orphans: [], receiving: [], openMultipartUploads: [] }
    expect(await leftovers(this.servers.sql, this.servers.bucket, this.prefixes), 'what the test left behind').toEqual(nothing)
  }
}
