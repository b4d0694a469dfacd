import { s3Client } from '@airlock/dev-servers'
import { GetObjectCommand, HeadObjectCommand, ListMultipartUploadsCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3'
import { Redis } from 'ioredis'
import { Client } from 'pg'
import { type Arena, bucket, renders } from './arena.ts'
import { sha256 } from './files.ts'
import { isGone, patiently } from './product.ts'

export interface UploadRow {
  readonly id: string
  readonly user_id: string
  readonly state: string
  readonly door: string
  readonly original_filename: string
  readonly quarantine_key: string
  /** The location of its bytes in another bucket. */
  readonly source_bucket: string | null
  readonly final_key: string | null
  readonly size_bytes: string | null
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
  readonly asset_type: string
  readonly content_hash: string
}

export interface FoundObject {
  readonly key: string
  readonly sizeBytes: number
  readonly sha256: string
  readonly contentType: string | null
  readonly cacheControl: string | null
  readonly encryption: string | null
  readonly metadata: Readonly<Record<string, string>>
}

/** Whether the key is in quarantine or inbox, and not of an asset. */
export const isWaitingKey = (key: string): boolean => key.startsWith('quarantine/') || key.startsWith('pipeline-inbox/')

/** What has not ended yet. */
export interface Unsettled {
  readonly receiving: number
  readonly pending: number
  readonly purges: number
  /** Events without a position in the feed. */
  readonly events: number
  /** Old assets that were not used since. */
  readonly unused: number
  /** Pending webhook deliveries. */
  readonly deliveries: number
  /** In quarantine, or in the inbox. */
  readonly quarantined: readonly string[]
  readonly openUploads: readonly string[]
  readonly jobs: number
}

/** The contents of the servers, read directly and not through Airlock. */
export class Facts {
  readonly #sql: Client
  readonly #redis: Redis
  readonly #s3: S3Client

  private constructor({ stack }: Arena) {
    this.#sql = new Client({ connectionString: stack.postgres.url })
    this.#redis = new Redis(stack.redis.url)
    this.#s3 = s3Client(stack.s3)
    for (const server of [this.#sql, this.#redis]) server.on('error', () => {}) // the statement fails too
  }

  static async open(arena: Arena): Promise<Facts> {
    const facts = new Facts(arena)
    await facts.#sql.connect()
    return facts
  }

  async close(): Promise<void> {
    this.#redis.disconnect()
    this.#s3.destroy()
    await this.#sql.end()
  }

  async uploads(): Promise<UploadRow[]> {
    return (await this.#sql.query<UploadRow>('select * from uploads order by id')).rows
  }

  async assets(): Promise<AssetRow[]> {
    return (await this.#sql.query<AssetRow>(`select *, metadata ->> 'content_hash' as content_hash from assets order by id`)).rows
  }

  async unsettled(): Promise<Unsettled> {
    const count = (from: string) => this.count(from)
    return {
      receiving: await count(`uploads where state = 'receiving'`),
      pending: await count(`uploads where state in ('received', 'processing')`),
      purges: await count('purges'),
      events: await count('events where position is null'),
      unused: await count(`assets where created_at < now() - interval '1 day' and last_accessed_at is null`),
      deliveries: await count(`webhook_deliveries where state = 'pending'`),
      quarantined: (await this.keys()).filter(isWaitingKey),
      openUploads: await this.#openUploads(),
      jobs: await this.#jobs(),
    }
  }

  /** @param from a table, and what is asked of its rows */
  async count(from: string, values: readonly unknown[] = []): Promise<number> {
    return Number((await this.rows<{ n: string }>(`select count(*) as n from ${from}`, values))[0]?.n)
  }

  async keys(of = bucket, prefix = ''): Promise<string[]> {
    const keys: string[] = []
    let token: string | undefined
    do {
      const command = new ListObjectsV2Command({ Bucket: of, Prefix: prefix, ContinuationToken: token })
      const page = await patiently(() => this.#s3.send(command))
      keys.push(...(page.Contents ?? []).map(({ Key }) => Key ?? ''))
      token = page.NextContinuationToken
    } while (token !== undefined)
    return keys
  }

  /** SHA-256 of each object in the pipeline's own bucket, by key. */
  async rendered(): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>()
    for (const key of await this.keys(renders)) found.set(key, (await this.object(key, renders))?.sha256 ?? '')
    return found
  }

  /** A whole object, or null if it is missing. */
  async object(key: string, of = bucket): Promise<FoundObject | null> {
    try {
      return await patiently(() => this.#object(key, of))
    } catch (error) {
      if (isGone(error)) return null
      throw error
    }
  }

  async #object(Key: string, Bucket: string): Promise<FoundObject> {
    const head = await this.#s3.send(new HeadObjectCommand({ Bucket, Key }))
    const { Body } = await this.#s3.send(new GetObjectCommand({ Bucket, Key }))
    const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array()
    return {
      key: Key,
      sizeBytes: bytes.byteLength,
      sha256: sha256(bytes),
      contentType: head.ContentType ?? null,
      cacheControl: head.CacheControl ?? null,
      encryption: head.ServerSideEncryption ?? null,
      metadata: head.Metadata ?? {},
    }
  }

  async #openUploads(): Promise<string[]> {
    const { Uploads = [] } = await patiently(() => this.#s3.send(new ListMultipartUploadsCommand({ Bucket: bucket })))
    return Uploads.map(({ Key }) => Key ?? '')
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

  /** Waiting and running jobs in all queues. */
  async #jobs(): Promise<number> {
    return (await this.#queues()).reduce((sum, { waiting, active }) => sum + waiting.length + active.length, 0)
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
