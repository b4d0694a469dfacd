/// <reference lib="esnext.disposable" />
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { ensureBucket, freePorts, startStack, waitFor } from '@airlock/dev-servers'
import { FaultyLink } from '@airlock/testkit/faulty-link'
import { call } from '@airlock/testkit/http'
import { runToEnd } from '../../tools/start/service.ts'
import { environment, root } from '../npm-start.ts'
import type { SamplePool } from './files.ts'
import type { History } from './history.ts'
import { ManagedProcess } from './managed-process.ts'
import { randomFrom } from './random.ts'
import { type ProcessName, processNames, type ServerName, serverNames } from './schedule.ts'
import { execute } from './statements.ts'

const run = promisify(execFile)
/** Maximum duration of a command for operators. */
const opsTimeoutMs = 120_000

export const bucket = 'airlock-chaos'
/** The pipeline's own bucket, from which videos are copied. */
export const renders = 'airlock-chaos-renders'
export const filesPerHour = 60
/** The time in which a direct upload must be completed. */
export const openSeconds = 20

/** Intervals and delays of repairs, shortened. */
const settings = {
  S3_BUCKET_NAME: bucket,
  PIPELINE_SOURCE_BUCKETS: renders,
  PIPELINE_RING_AFTER_SECONDS: '1',
  PIPELINE_MAX_RUNNING_PER_PROJECT: '1',
  S3_CALL_TIMEOUT_MS: '4000',
  S3_MULTIPART_COPY_FROM_BYTES: String(5 * 1024 * 1024),
  DATABASE_POOL_SIZE: '5',
  DATABASE_STATEMENT_TIMEOUT_MS: '2000',
  LEASE_SECONDS: '3',
  SWEEP_INTERVAL_SECONDS: '1',
  SWEEP_REST_SECONDS: '1',
  UPLOAD_MAX_SECONDS: '10',
  UPLOAD_IDLE_SECONDS: '5',
  DIRECT_UPLOAD_MAX_SECONDS: String(openSeconds),
  DIRECT_PART_BYTES: String(5 * 1024 * 1024),
  DIRECT_PUT_MAX_BYTES: String(50 * 1024),
  RETRY_BASE_MS: '100',
  RETRY_CAP_MS: '1000',
  // the expensive pictures of chaos need more, all others much less
  INSPECT_MEMORY_MIB: '300',
  UNUSED_ASSET_DAYS: '1',
  UNUSED_ASSET_GRACE_DAYS: '1',
  // chaos causes more faults than a year of production: with these settings it parks no pictures; the worker for videos parks at the first fault
  WORKER_MIN_ATTEMPTS: '100',
  WORKER_CONCURRENCY: '2',
  MAX_FILES_IN_FLIGHT: '16',
  RATE_LIMIT_FILES_PER_HOUR: String(filesPerHour),
  SHUTDOWN_NOT_READY_SECONDS: '0',
  SHUTDOWN_GRACE_S: '3',
  HOST: '127.0.0.1',
} as const

/** Settings of single processes. */
const settingsOf: Readonly<Partial<Record<ProcessName, Readonly<Record<string, string>>>>> = {
  'images-1': { WORKER_QUEUES: 'images' },
  'images-2': { WORKER_QUEUES: 'images' },
  'videos-1': { WORKER_QUEUES: 'videos', WORKER_MIN_ATTEMPTS: '1', RETRY_FOR_HOURS: '0' },
}

/** What all participants of a run share. */
export interface Run {
  readonly seed: number
  readonly cluster: Cluster
  readonly samplePool: SamplePool
  readonly history: History
}

export type Cluster = Awaited<ReturnType<typeof startCluster>>
export type AddedWorker = Awaited<ReturnType<Cluster['addWorker']>>

export interface ClusterOptions {
  /** The processes that are started; all by default. */
  readonly processes?: readonly ProcessName[]
  /** Folder of the processes' logs; by default that of the servers, which is removed at the end. */
  readonly folder?: string
  readonly log?: (line: string) => void
  /** Error of each process's clock, in ms; 0 by default. */
  readonly clocks?: Partial<Record<ProcessName, number>>
  /** Settings that differ from the defaults of chaos. */
  readonly settings?: Readonly<Record<string, string>>
}

/**
 * Starts two gateways and three workers, real servers, even if URLs are given, and a separate faulty link from each process to each server. Waits until all
 * processes are ready.
 */
export async function startCluster(options: ClusterOptions = {}) {
  const { folder, log = () => {}, clocks = {}, processes: names = processNames } = options
  const env = environment('')
  await using opened = new AsyncDisposableStack()
  const stack = await startStack({ ephemeral: true, env, say: log })
  opened.defer(() => stack.stop())
  await Promise.all([ensureBucket(stack.s3, bucket), ensureBucket(stack.s3, renders), execute({ stack }, keepCommits)])
  const jwtSecret = randomBytes(48).toString('base64url')
  const common = {
    ...env,
    ...settings,
    ...options.settings,
    ...stack.environment,
    S3_PUBLIC_ENDPOINT: stack.s3.endpoint,
    JWT_SECRET: jwtSecret,
  }
  const context = { root, env: common, file: stack.file }
  await runToEnd({ name: 'migrate', entry: 'packages/database/src/migrate.ts' }, context)

  const addresses = { postgres: stack.postgres.url, redis: stack.redis.url, s3: stack.s3.endpoint }
  const links = new Map<string, FaultyLink>()
  const link = (from: string, to: ServerName) => existing(links.get(`${from}→${to}`))
  opened.defer(async () => void (await Promise.all([...links.values()].map((each) => each.close()))))
  const processes = new Map<string, ManagedProcess>()
  // everything else is stopped even if a log contains a secret
  opened.defer(() => {
    for (const each of processes.values()) each.mustHaveKeptSecrets()
  })
  opened.defer(async () => void (await Promise.all([...processes.values()].map((each) => each.stop()))))

  const urls = new Map<string, string>()
  async function launch(name: string, env: Readonly<Record<string, string>>, port = 0): Promise<void> {
    const entry = `apps/${name.startsWith('gateway') ? 'gateway' : 'worker'}/src/main.ts`
    for (const server of serverNames) {
      const to = new FaultyLink(addresses[server])
      await to.open()
      links.set(`${name}→${server}`, to)
    }
    const through = { DATABASE_URL: link(name, 'postgres').url, REDIS_URL: link(name, 'redis').url, S3_ENDPOINT: link(name, 's3').url }
    const own = {
      ...common,
      ...through,
      ...env,
      ...clockSettings(clocks[name as ProcessName] ?? 0),
      PORT: `${port}`,
      WORKER_PORT: `${port}`,
    }
    const launched = new ManagedProcess({ name, entry }, { ...context, env: own }, folder ?? stack.file.folder)
    processes.set(name, launched)
    urls.set(name, `http://127.0.0.1:${port}`)
    await launched.start()
  }

  const ports = await freePorts(names.length)
  await Promise.all(names.map((name, index) => launch(name, settingsOf[name] ?? {}, ports[index])))
  await Promise.all([...urls.values()].map(ready))
  const started = opened.move()
  return {
    stack,
    jwtSecret,
    /** The settings of all processes, with the servers' own addresses. */
    env: common as NodeJS.ProcessEnv,
    gateways: names.filter((name) => name.startsWith('gateway')).map((name) => existing(urls.get(name))),
    process: (name: ProcessName) => existing(processes.get(name)),
    url: (name: ProcessName) => existing(urls.get(name)),
    controls: (server: ServerName) => existing(stack.servers[server].controls ?? undefined),
    link: link as (from: ProcessName, to: ServerName) => FaultyLink,
    /** Starts another worker, with its own links. It is stopped at the end. */
    async addWorker(env: Record<string, string>) {
      const name = `worker-${processes.size + 1}`
      await launch(name, env, ...(await freePorts(1)))
      return { name, url: existing(urls.get(name)), process: existing(processes.get(name)), link: (to: ServerName) => link(name, to) }
    },
    /** Runs `npm run ops` directly on the servers. @throws Error with its output if its exit code is not 0 */
    ops: (args: readonly string[]) =>
      run(process.execPath, ['apps/ops/src/main.ts', ...args], { cwd: root, env: common, timeout: opsTimeoutMs }),
    stop: () => started.disposeAsync(),
  }
}

const maxClockErrorSeconds = 600

/** Clock errors of the processes by seed: up to ten minutes in both directions. */
export function clocksOf(seed: number): Record<ProcessName, number> {
  const random = randomFrom(seed, 'clocks')
  const errorMs = () => 1000 * random.between(-maxClockErrorSeconds, maxClockErrorSeconds)
  return Object.fromEntries(processNames.map((name) => [name, errorMs()])) as Record<ProcessName, number>
}

/** By default a test stack confirms commits that a crash of Postgres would lose. `fsync` stays off: it protects only against crashes of the machine. */
const keepCommits = "do $$ begin execute format('alter database %I set synchronous_commit = on', current_database()); end $$"

/** Waits until a gateway or worker is ready. On a busy machine it takes long to start, and to detect that its servers are available. */
export const ready = (url: string) =>
  waitFor(async () => (await call(`${url}/health/ready`, {})).status === 200, {
    what: `${url} to be ready`,
    timeoutMs: 180_000,
    everyMs: 100,
  })

/** Arguments and settings that shift the clock of a process. */
const clockSettings = (ms: number): Record<string, string> =>
  ms === 0 ? {} : { NODE_OPTIONS: `--import=${new URL('wrong-clock.ts', import.meta.url).href}`, CLOCK_OFF_BY_MS: String(ms) }

function existing<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('no such process, server or link')
  return value
}
