import { type Database, migrate, openDatabase } from '@airlock/database'
import { JobQueue } from '@airlock/queue'
import { type ObjectStore, type S3StoreOptions, s3ObjectStore } from '@airlock/storage'
import { type IsolatedBucket, isolatedBucket, isolatedDatabase, isolatedQueuePrefix } from '@airlock/testkit'
import { Client } from 'pg'

/** The database, bucket and queues of one test file on the shared servers. */
export interface World {
  readonly databaseUrl: string
  readonly database: Database
  readonly sql: Client
  readonly bucket: IsolatedBucket
  readonly store: ObjectStore
  readonly jobQueue: JobQueue
  readonly queues: { readonly redisUrl: string; readonly prefix: string }
  storeWith(options?: Partial<S3StoreOptions>): ObjectStore
  close(): Promise<void>
}

const silent = { info: () => {}, warn: () => {} }

export const openAt = (url: string): Promise<Database> =>
  openDatabase({ url, poolSize: 10, statementTimeoutMs: 5000, connectTimeoutMs: 2000, applicationName: 'airlock-tests', log: silent })

/** Settings of a store on a bucket. Copies from 5 MiB use parts, so that tests can be small. */
export const storeOptions = ({ bucket, endpoint, region, accessKeyId, secretAccessKey }: IsolatedBucket): S3StoreOptions => ({
  bucket,
  region,
  endpoint,
  forcePathStyle: true,
  credentials: { accessKeyId, secretAccessKey },
  encryption: 'AES256',
  checksums: 'when_supported',
  callTimeoutMs: 10_000,
  multipartCopyFromBytes: 5 * 1024 * 1024,
  serverSideCopy: true,
})

/** Creates them on the servers of this run. */
export async function openWorld(): Promise<World> {
  const [place, bucket] = await Promise.all([isolatedDatabase(), isolatedBucket()])
  await migrate({ url: place.url, log: silent })
  const database = await openAt(place.url)
  const sql = new Client({ connectionString: place.url })
  await sql.connect()
  const { drop, ...queues } = isolatedQueuePrefix()
  const jobQueue = new JobQueue({ ...queues, onError: () => {} })
  await jobQueue.ready()
  const made: ObjectStore[] = []
  const storeWith = (options: Partial<S3StoreOptions> = {}) => {
    const store = s3ObjectStore({ ...storeOptions(bucket), ...options })
    made.push(store)
    return store
  }
  return {
    databaseUrl: place.url,
    database,
    sql,
    bucket,
    store: storeWith(),
    jobQueue,
    queues,
    storeWith,
    close: async () => {
      await jobQueue.close()
      for (const store of made) store.close()
      await Promise.all([database.close(), sql.end()])
      await Promise.all([drop(), bucket.drop(), place.drop()])
    },
  }
}
