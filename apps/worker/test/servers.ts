import { type Database, migrate, openDatabase } from '@airlock/database'
import { blockingConnection, JobQueue } from '@airlock/queue'
import { type ObjectStore, type S3StoreOptions, s3ObjectStore } from '@airlock/storage'
import { type IsolatedBucket, isolatedBucket, isolatedDatabase, isolatedQueuePrefix } from '@airlock/testkit'
import type { Redis } from 'ioredis'
import { Client } from 'pg'

/** The database, bucket and queues of one test file on the shared servers. */
export interface Servers {
  readonly databaseUrl: string
  readonly database: Database
  readonly sql: Client
  readonly bucket: IsolatedBucket
  readonly store: ObjectStore
  /** Queues of the caller's own, on this run's Redis or another. */
  queues(redisUrl?: string, prefix?: string): Promise<Queues>
  close(): Promise<void>
}

export interface Queues {
  readonly redisUrl: string
  readonly prefix: string
  readonly jobQueue: JobQueue
  /** A connection for a worker's blocking reads. */
  connection(): Redis
  close(): Promise<void>
}

const silent = { info: () => {}, warn: () => {} }

const openAt = (url: string): Promise<Database> =>
  openDatabase({ url, poolSize: 10, statementTimeoutMs: 5000, connectTimeoutMs: 2000, applicationName: 'airlock-tests', log: silent })

export const storeOptions = ({ bucket, endpoint, region, accessKeyId, secretAccessKey }: IsolatedBucket): S3StoreOptions => ({
  bucket,
  region,
  endpoint,
  forcePathStyle: true,
  credentials: { accessKeyId, secretAccessKey },
  encryption: 'AES256',
  checksums: 'when_supported',
  callTimeoutMs: 10_000,
  multipartCopyFromBytes: 100 * 1024 * 1024,
  serverSideCopy: true,
})

const storeOn = (bucket: IsolatedBucket): ObjectStore => s3ObjectStore(storeOptions(bucket))

export async function openServers(): Promise<Servers> {
  const [place, bucket] = await Promise.all([isolatedDatabase(), isolatedBucket()])
  await migrate({ url: place.url, log: silent })
  const database = await openAt(place.url)
  const sql = new Client({ connectionString: place.url })
  await sql.connect()
  const store = storeOn(bucket)
  return {
    databaseUrl: place.url,
    database,
    sql,
    bucket,
    store,
    queues: openQueues,
    close: async () => {
      store.close()
      await Promise.all([database.close(), sql.end()])
      await Promise.all([bucket.drop(), place.drop()])
    },
  }
}

async function openQueues(redisUrl?: string, prefix?: string): Promise<Queues> {
  const { drop, ...own } = isolatedQueuePrefix(redisUrl)
  const place = { ...own, prefix: prefix ?? own.prefix }
  const connections: Redis[] = []
  const jobQueue = new JobQueue({ ...place, onError: () => {} })
  await jobQueue.ready()
  return {
    ...place,
    jobQueue,
    connection: () => {
      const redis = blockingConnection(place.redisUrl, { onError: () => {} })
      connections.push(redis)
      return redis
    },
    close: async () => {
      await jobQueue.close()
      for (const redis of connections) redis.disconnect()
      await drop()
    },
  }
}
