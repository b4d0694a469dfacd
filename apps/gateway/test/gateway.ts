import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { errorsInLogs } from '@airlock/config'
import { type Database, listenForFeed, listenForMoves, openDatabase } from '@airlock/database'
import { defaultSizeLimits, type Facts, type MediaType, MiB } from '@airlock/domain'
import { workOn } from '@airlock/lifecycle'
import { failFastConnection, JobQueue } from '@airlock/queue'
import { type ObjectStore, s3ObjectStore } from '@airlock/storage'
import {
  ask,
  givenStack,
  type IsolatedBucket,
  isolatedQueuePrefix,
  mustHoldNoSecret,
  responseOf,
  tokenFor,
  waitFor,
} from '@airlock/testkit'
import { isolatedServers, leftovers, storeOptions } from '@airlock/testkit/airlock'
import pg from 'pg'
import { pino } from 'pino'
import { test as base } from 'vitest'
import { buildGateway, type Gateway, type GatewayDeps } from '../src/app.ts'
import { recentRefusals } from '../src/upload/file-counter.ts'
import { Contract, type OpenApi } from './contract.ts'

export const jwtSecret = 'a-secret-of-the-tests-with-enough-bytes'

/** Settings that a test may override. */
export type Overrides = Partial<
  Pick<
    GatewayDeps,
    | 'filesPerHour'
    | 'parkedBytesPerUser'
    | 'sourceBuckets'
    | 'maxFilesInFlight'
    | 'sizeLimits'
    | 'bodyTimeouts'
    | 'store'
    | 'presignHours'
    | 'direct'
    | 'tokens'
    | 'requestLimit'
    | 'corsOrigins'
    | 'tryPage'
    | 'trustProxy'
    | 'ipHashKey'
    | 'pollEveryMs'
    | 'metricsPort'
    | 'completeWaitSeconds'
  >
> & {
  /** Separate servers that the test can stop and pause. */
  redisUrl?: string
  databaseUrl?: string
}

const freshServers = async () => ({ ...(await isolatedServers()), queues: isolatedQueuePrefix() })
type Servers = Awaited<ReturnType<typeof freshServers>>

export interface RunningGateway {
  servers: Servers
  url: string
  bucket: IsolatedBucket
  database: Database
  store: ObjectStore
  jobQueue: JobQueue
  gateway: Gateway
  /** The number of calls of the gateway to these servers, without health checks. */
  asked: { postgres: number; s3: number }
  /** The lines that the gateway logged, newest last. */
  log: Record<string, unknown>[]
  /** Rows of all uploads, or of one user, in the order of their creation. */
  uploads(userId?: string): Promise<{ id: string; state: string; error_code: string | null; counted: boolean }[]>
  /** Waits until no file is being received, and nothing is left of files that were not accepted. */
  leavesNothing(): Promise<void>
  /** The number of connections that listen to Postgres for moves. */
  listeners(): Promise<number>
  /** Processes an upload as the worker does; every file passes inspection. */
  promotes(uploadId: string, facts?: Facts): Promise<void>
  close(): Promise<void>
}

type AnyMethod = (...args: unknown[]) => unknown

/** The same servers, with every call counted. */
function countedServers(database: Database, store: ObjectStore, asked: RunningGateway['asked']) {
  const counted = <T extends object>(server: T, name: keyof typeof asked): T =>
    Object.fromEntries(
      Object.entries(server as Record<string, AnyMethod>).map(([verb, method]) => [
        verb,
        (...args: unknown[]) => {
          asked[name] += 1
          return method(...args)
        },
      ]),
    ) as unknown as T
  const { uploads, assets, brands, idempotency } = database
  return {
    database: {
      ...database,
      uploads: counted(uploads, 'postgres'),
      assets: counted(assets, 'postgres'),
      brands: counted(brands, 'postgres'),
      idempotency: counted(idempotency, 'postgres'),
    },
    store: { ...counted(store, 's3'), check: store.check, ping: store.ping, presign: store.presign },
  }
}

/** Starts a gateway on the servers of the run, with a separate database, bucket and queues, or with those of the gateway `beside`. */
export async function startGateway(overrides: Overrides = {}, beside?: RunningGateway): Promise<RunningGateway> {
  const stack = givenStack()
  const servers = beside?.servers ?? (await freshServers())
  const { bucket, queues } = servers
  const log: Record<string, unknown>[] = []
  const logger = pino({ level: 'info', ...errorsInLogs }, { write: (line: string) => void log.push(JSON.parse(line)) })
  const onError = () => {}
  const { redisUrl = stack.redis.url, databaseUrl = servers.databaseUrl } = overrides
  const redis = failFastConnection(redisUrl, { onError })
  const jobQueue = new JobQueue({ redisUrl, prefix: queues.prefix, onError })
  const database = await openDatabase({
    url: databaseUrl,
    poolSize: 5,
    statementTimeoutMs: 5000,
    connectTimeoutMs: 5000,
    applicationName: 'gateway-test',
    log: logger,
  })
  const store = overrides.store ?? s3ObjectStore(storeOptions(bucket))
  await waitFor(async () => redis.status === 'ready', { timeoutMs: 5000, what: 'Redis' })
  const asked = { postgres: 0, s3: 0 }
  const gateway = await buildGateway({
    jobQueue,
    counter: recentRefusals(),
    log: logger,
    build: { version: '0.1.0', revision: 'unknown' },
    metricsPort: null,
    bucket: bucket.bucket,
    tokens: {
      secrets: ['an-older-secret-that-still-verifies-tokens', jwtSecret],
      remote: null,
      algorithms: null,
      issuer: null,
      audience: null,
    },
    requestLimit: { perMinute: 6000, redis, keyPrefix: queues.prefix },
    corsOrigins: [],
    trustProxy: null,
    sizeLimits: defaultSizeLimits,
    filesPerHour: 100,
    sourceBuckets: [],
    presignHours: { default: 24, max: 168 },
    direct: {
      ...{ openUploadsPerUser: 100, openBytesPerUser: 64 * 1024 * MiB, openSeconds: 86_400, urlSeconds: 900 },
      ...{ partBytes: 5 * MiB, putMaxBytes: 5 * MiB },
    },
    ipHashKey: null,
    bodyTimeouts: { maxSeconds: 60, idleSeconds: 30, minBytesPerSecond: 0 },
    idempotencyLeaseSeconds: 30,
    maxFilesInFlight: 64,
    listen: (handlers) => listenForMoves({ url: databaseUrl, log: logger, applicationName: 'airlock-gateway-moves', ...handlers }),
    listenForFeed: (handlers) => listenForFeed({ url: databaseUrl, log: logger, applicationName: 'airlock-gateway-events', ...handlers }),
    pollEveryMs: { listening: 10_000, lost: 1000 },
    ...overrides,
    ...countedServers(database, store, asked),
  })
  await gateway.app.listen({ host: '127.0.0.1', port: 0 })
  const url = `http://127.0.0.1:${(gateway.app.server.address() as AddressInfo).port}`
  contracts.set(url, new Contract(JSON.parse(JSON.stringify(gateway.app.swagger())) as OpenApi))
  const client = new pg.Pool({ connectionString: servers.databaseUrl, max: 2 })
  client.on('error', () => {}) // dropping the database after the test ends the connection
  const uploads = async (userId: string | null = null) =>
    (
      await client.query(
        'select id, state, error_code, counted from uploads where $1::uuid is null or user_id = $1 order by created_at, id',
        [userId],
      )
    ).rows
  return {
    servers,
    url,
    bucket,
    database,
    store,
    jobQueue,
    gateway,
    asked,
    log,
    uploads,
    listeners: async () => {
      const sql =
        "select count(*)::int as n from pg_stat_activity where datname = current_database() and application_name = 'airlock-gateway-moves'"
      return (await client.query(sql)).rows[0].n
    },
    leavesNothing: () => leavesNothing(client, bucket),
    promotes: async (uploadId, facts = {}) => {
      const inspect = async (_source: unknown, claim: { detectedType: MediaType }) =>
        ({ ok: true, mediaType: claim.detectedType, facts }) as const
      const retry = { minAttempts: 8, retryForSeconds: 0, firstMs: 0, maxMs: 0 }
      const limits = { sizeLimits: defaultSizeLimits, leaseSeconds: 30, retry }
      await workOn(uploadId, limits, new AbortController().signal, { uploads: database.uploads, store, inspect, log: logger })
    },
    close: async () => {
      await gateway.app.close()
      await jobQueue.close()
      redis.disconnect()
      store.close()
      await Promise.all([database.close(), client.end()])
      if (beside === undefined) await Promise.all([servers.drop(), queues.drop()])
      const secrets = {
        DATABASE_URL: databaseUrl,
        REDIS_URL: redisUrl,
        AWS_SECRET_ACCESS_KEY: bucket.secretAccessKey,
        JWT_SECRET: jwtSecret,
      }
      mustHoldNoSecret('the gateway', secrets, log.map((line) => JSON.stringify(line)).join('\n'))
    },
  }
}

/** Waits until nothing is left that no unfinished upload needs. */
async function leavesNothing(client: pg.Pool, bucket: IsolatedBucket): Promise<void> {
  let left = {}
  await waitFor(
    async () => {
      left = await leftovers(client, bucket)
      return Object.values(left).flat().length === 0
    },
    { timeoutMs: 10_000, what: 'a quarantine without leftovers' },
  ).catch(() => {
    throw new Error(`left behind: ${JSON.stringify(left)}`)
  })
}

/** The OpenAPI document of each gateway, by URL: clients check every response against it. */
const contracts = new Map<string, Contract>()

/** A separate user, who can send forms. */
export class Client {
  readonly id: string
  readonly #url: string
  readonly #scope: string | undefined

  /** @param scope of its tokens, unless a test asks for another one */
  constructor(url: string, id: string = randomUUID(), scope?: string) {
    this.#url = url
    this.id = id
    this.#scope = scope
  }

  /** The same user at another gateway. */
  at(url: string): Client {
    return new Client(url, this.id, this.#scope)
  }

  async token({
    hours = 1,
    scope = this.#scope,
    secret = jwtSecret,
  }: {
    hours?: number
    scope?: string
    secret?: string
  } = {}): Promise<string> {
    return tokenFor(this.id, secret, { scope, hours })
  }

  async headers(): Promise<Record<string, string>> {
    return { authorization: `Bearer ${await this.token()}` }
  }

  get(path: string): Promise<Answer> {
    return this.#asks('GET', path)
  }

  /** Sends a request with a JSON body or without a body. */
  sends(method: string, path: string, json?: unknown): Promise<Answer> {
    return this.#asks(method, path, { json })
  }

  /** Sends parts as a form, in the order given. */
  uploads(...parts: Part[]): Promise<Answer> {
    return this.#asks('POST', '/api/upload', { form: formOf(parts) })
  }

  /** Sends pictures without waiting for their assets. */
  pictures(...files: FilePart[]): Promise<Answer> {
    return this.uploads(['asset_type', 'brand_image'], ...files)
  }

  /** Sends pictures, and asks with `Prefer` to wait for their assets. */
  picturesWaiting(prefer: string, ...files: FilePart[]): Promise<Answer> {
    return this.#asks('POST', '/api/upload', { form: formOf([['asset_type', 'brand_image'], ...files]), headers: { prefer } })
  }

  /** @throws Error if the OpenAPI document of the gateway does not describe the response */
  async #asks(method: string, path: string, request: Parameters<typeof ask>[1] = {}): Promise<Answer> {
    const token = await this.token()
    const answer: Answer = await ask(this.#url + path, { method, token, timeoutMs: 60_000, ...request })
    contracts.get(this.#url)?.assertDescribes(method, path, answer)
    return answer
  }
}

export interface Answer {
  status: number
  headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: tests check the shape of the body
  body: any
}

export const answerOf: (response: Response) => Promise<Answer> = responseOf

export interface FilePart {
  name: string
  type?: string
  bytes: Uint8Array
}

type Part = FilePart | [field: string, value: string]

export function formOf(parts: readonly Part[]): FormData {
  const form = new FormData()
  for (const part of parts) {
    if (Array.isArray(part)) form.append(...part)
    else form.append('files', new Blob([part.bytes as Uint8Array<ArrayBuffer>], { type: part.type ?? '' }), part.name)
  }
  return form
}

const samples = new URL('../../../examples/samples/', import.meta.url)

export const sample = (path: string): Promise<Buffer> => readFile(new URL(path, samples))

export const photo = async (name = 'photo.jpg'): Promise<FilePart> => ({
  name,
  type: 'image/jpeg',
  bytes: await sample('good/Harbour at dusk.jpg'),
})
export const logo = async (name = 'logo.png'): Promise<FilePart> => ({ name, type: 'image/png', bytes: await sample('good/logo.png') })
export const scene = async (name = 'scene-01.mp4'): Promise<FilePart> => ({
  name,
  type: 'video/mp4',
  bytes: await sample('good/scene-01.mp4'),
})

/** Bytes of a real file, padded with spaces to `size`. Only for tests of sizes. */
export function padded(bytes: Uint8Array, size: number): Uint8Array {
  const all = Buffer.alloc(size, 0x20)
  all.set(bytes.subarray(0, size))
  return all
}

export const acceptedIds = (answer: Answer): string[] => answer.body.uploads.map(({ upload_id }: { upload_id: string }) => upload_id)

/** One gateway for all tests of a file. A test that leaves rows or objects behind fails. */
export const test = base
  .extend(
    'gateway',
    { scope: 'file' }, // biome-ignore lint/correctness/noEmptyPattern: Vitest reads the pattern to know what a fixture needs
    async ({}, { onCleanup }) => {
      const gateway = await startGateway()
      onCleanup(() => gateway.close())
      return gateway
    },
  )
  .extend('client', async ({ gateway }, { onCleanup }) => {
    onCleanup(() => gateway.leavesNothing())
    return new Client(gateway.url)
  })
