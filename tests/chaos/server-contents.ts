import { keysIn, openUploadsIn, s3Client } from '@airlock/dev-servers'
import { uploadIdOfWaitingKey } from '@airlock/domain'
import { CopyObjectCommand, DeleteObjectCommand, GetObjectCommand, type GetObjectCommandOutput, type S3Client } from '@aws-sdk/client-s3'
import { Redis } from 'ioredis'
import { Pool } from 'pg'
import { bucket, type Cluster } from './cluster.ts'
import { sha256 } from './files.ts'
import { isMissing, withRetries } from './statements.ts'

export interface UploadRow {
  readonly id: string
  readonly user_id: string
  readonly state: string
  readonly door: string
  readonly original_filename: string
  readonly quarantine_key: string
  /** The location of its bytes in another bucket. */
  readonly source_bucket: string | null
  readonly counted: boolean
  readonly created_at: Date
  readonly failed_inspections: number
  readonly attempt: number
  readonly error_code: string | null
  readonly last_fault: string | null
}

export interface AssetRow {
  readonly id: string
  readonly user_id: string
  readonly upload_id: string
  readonly s3_key: string
  readonly file_size: string
  readonly mime_type: string
  readonly content_hash: string
}

export interface FoundObject extends Pick<GetObjectCommandOutput, 'ContentType' | 'CacheControl' | 'ServerSideEncryption' | 'Metadata'> {
  readonly key: string
  readonly sizeBytes: number
  readonly sha256: string
}

/** Whether the key is in quarantine or inbox, and not of an asset. */
export const isWaitingKey = (key: string): boolean => key.startsWith('quarantine/') || key.startsWith('pipeline-inbox/')

/** Something that has not ended yet. */
export interface Unfinished {
  readonly kind: string
  readonly uploadId: string | null
  /** Of its object. */
  readonly key?: string
}

const unfinishedRows = `
  select state as kind, id as "uploadId" from uploads where state in ('receiving', 'received', 'processing')
  union all select 'purge', upload_id from purges
  union all select 'event without a position', upload_id from events where position is null
  union all select 'webhook delivery', upload_id from webhook_deliveries where state = 'pending'
  union all select 'unused asset', upload_id from assets where created_at < now() - interval '1 day' and last_accessed_at is null`

/** Keys that may stay: objects of assets, and bytes of parked uploads. */
const keptKeys = `select s3_key as key from assets union select quarantine_key from uploads where state = 'parked'`

/** The contents of the servers, read directly and not through Airlock. Calls of the store are repeated during faults. */
export class ServerContents {
  readonly #sql: Pool
  readonly #redis: Redis
  readonly #s3: S3Client

  constructor({ stack }: Cluster) {
    this.#sql = new Pool({ connectionString: stack.postgres.url, max: 2 })
    this.#redis = new Redis(stack.redis.url)
    this.#s3 = s3Client(stack.s3)
    for (const server of [this.#sql, this.#redis]) server.on('error', () => {}) // the statement fails too
  }

  async close(): Promise<void> {
    this.#redis.disconnect()
    this.#s3.destroy()
    await this.#sql.end()
  }

  uploads(): Promise<UploadRow[]> {
    return this.rows('select * from uploads order by id')
  }

  assets(): Promise<AssetRow[]> {
    return this.rows(`select *, metadata ->> 'content_hash' as content_hash from assets order by id`)
  }

  async unfinished(): Promise<Unfinished[]> {
    const rows = await this.rows<Unfinished>(unfinishedRows)
    const kept = new Set((await this.rows<{ key: string }>(keptKeys)).map(({ key }) => key))
    const objects = (await this.keys())
      .filter((key) => !kept.has(key))
      .map((key) => ({ kind: isWaitingKey(key) ? 'waiting object' : 'object without a row', key }))
    const multipart = (await withRetries(() => openUploadsIn(this.#s3, bucket))).map(({ Key: key }) => ({ kind: 'multipart upload', key }))
    const jobs = (await this.#queues()).flatMap(({ waiting, active }) => [...waiting, ...active])
    return [
      ...rows,
      ...[...objects, ...multipart].map((one) => ({ ...one, uploadId: uploadIdOfWaitingKey(one.key) })),
      ...jobs.map((uploadId) => ({ kind: 'job', uploadId })),
    ]
  }

  /** @param from a table, and what is asked of its rows */
  async count(from: string, values: readonly unknown[] = []): Promise<number> {
    return Number((await this.rows<{ n: string }>(`select count(*) as n from ${from}`, values))[0]?.n)
  }

  keys(of = bucket, prefix = ''): Promise<string[]> {
    return withRetries(() => keysIn(this.#s3, of, prefix))
  }

  /** Those of some whole objects that exist, by key. */
  async objects(keys: readonly string[], of = bucket): Promise<Map<string, FoundObject>> {
    const objects = new Map<string, FoundObject>()
    for (const key of keys) {
      const object = await unlessMissing(withRetries(() => this.#object(key, of)))
      if (object !== null) objects.set(key, object)
    }
    return objects
  }

  /** @returns false if it is missing */
  async copy(key: string, { from, to }: { from: string; to: string }): Promise<boolean> {
    const copy = { Bucket: to, Key: key, CopySource: `${from}/${encodeURIComponent(key)}`, ServerSideEncryption: 'AES256' } as const
    return (await unlessMissing(withRetries(() => this.#s3.send(new CopyObjectCommand(copy))))) !== null
  }

  async move(key: string, { from, to }: { from: string; to: string }): Promise<void> {
    if (!(await this.copy(key, { from, to }))) throw new Error(`${key} is missing in ${from}`)
    await withRetries(() => this.#s3.send(new DeleteObjectCommand({ Bucket: from, Key: key })))
  }

  async #object(Key: string, Bucket: string): Promise<FoundObject> {
    const { Body, ...found } = await this.#s3.send(new GetObjectCommand({ Bucket, Key }))
    const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array()
    return { ...found, key: Key, sizeBytes: bytes.byteLength, sha256: sha256(bytes) }
  }

  async rows<Row extends object>(statement: string, values: readonly unknown[] = []): Promise<Row[]> {
    return (await this.#sql.query<Row>(statement, [...values])).rows
  }

  /** Ids of jobs that wait, or that a running worker has. */
  async livingJobs(): Promise<ReadonlySet<string>> {
    const living = new Set<string>()
    for (const { waiting, active, key } of await this.#queues()) {
      for (const id of waiting) living.add(id)
      for (const id of active) if ((await this.#redis.exists(key(`${id}:lock`))) === 1) living.add(id)
    }
    return living
  }

  async #queues(): Promise<{ waiting: string[]; active: string[]; key: (part: string) => string }[]> {
    const queues = ['airlock-images', 'airlock-videos', 'airlock-training'].map(async (queue) => {
      const key = (part: string) => `{airlock}:${queue}:${part}`
      const lists = ['wait', 'paused'].map((list) => this.#redis.lrange(key(list), 0, -1))
      const sets = ['delayed', 'prioritized'].map((set) => this.#redis.zrange(key(set), '0', '-1'))
      return { waiting: (await Promise.all([...lists, ...sets])).flat(), active: await this.#redis.lrange(key('active'), 0, -1), key }
    })
    return Promise.all(queues)
  }
}

/** @returns null if the store reports that the object is missing */
const unlessMissing = <T>(call: Promise<T>): Promise<T | null> =>
  call.catch((error: unknown) => {
    if (isMissing(error)) return null
    throw error
  })
