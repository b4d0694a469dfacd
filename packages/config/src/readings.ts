import { readFileSync } from 'node:fs'
import { shareResult, withTimeout } from '@airlock/async'

/** A gauge that is read at each scrape. Each service registers its readings with its own client of Prometheus. */
export interface Reading {
  readonly name: string
  readonly help: string
  readonly labelNames: readonly string[]
  /** Sets the current values. It does not reject, and does not take longer than the timeouts of what it reads. */
  read(set: (labels: Readonly<Record<string, string>>, value: number) => void): void | Promise<void>
}

/** How long a scrape waits for a server, in ms: less than the timeout of a scrape, 10 s by default. */
const readTimeoutMs = 2000

/** The result of a call to a server, for a gauge. @returns null when the call fails or takes too long; health checks report the reason */
export function readInTime<T>(ask: () => Promise<T>): Promise<T | null> {
  return withTimeout(ask(), readTimeoutMs, () => new Error('too late for the scrape')).catch(() => null)
}

/** The servers that both services depend on, as metrics name them. */
export const dependencies = ['postgres', 'redis', 's3'] as const
export type Dependency = (typeof dependencies)[number]

/** The result of one check of a server. */
interface DependencyState {
  /** Why the check failed; null when the server responded. */
  readonly failure: Error | null
  /** How long the check took until the response, the failure or the timeout. */
  readonly ms: number
}

export type DependencyStates = Readonly<Record<Dependency, DependencyState>>

export interface DependencyCheckOptions {
  /** Each rejects if its server does not respond. */
  readonly checks: Readonly<Record<Dependency, () => Promise<unknown>>>
  /** The timeout of one check. */
  readonly timeoutMs: number
  /** How long the result is reused: requests for it are not limited. */
  readonly keepMs: number
}

/** @returns a function that checks all servers at once, which health routes and metrics share */
export function dependencyChecks({ checks, timeoutMs, keepMs }: DependencyCheckOptions): () => Promise<DependencyStates> {
  const stateOf = async (dependency: Dependency): Promise<DependencyState> => {
    const started = performance.now()
    const failure = await withTimeout(checks[dependency](), timeoutMs, () => new Error(`no reply within ${timeoutMs} ms`)).then(
      () => null,
      (error: Error) => error,
    )
    return { failure, ms: performance.now() - started }
  }
  return shareResult(
    async () => {
      const [postgres, redis, s3] = await Promise.all([stateOf('postgres'), stateOf('redis'), stateOf('s3')])
      return { postgres, redis, s3 }
    },
    { keepMs },
  )
}

/** The connections of a pool. `waiting` counts the callers that wait for one. */
export interface PoolUse {
  readonly inUse: number
  readonly idle: number
  readonly waiting: number
}

/** What was built: the version of the package, and the commit. */
export interface Build {
  readonly version: string
  readonly revision: string
}

/**
 * @param manifest the `package.json` of the service
 * @param revision null when the build does not know its commit
 */
export function buildOf(manifest: URL, revision: string | null): Build {
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }
  return { version, revision: revision ?? 'unknown' }
}

export interface ServiceReadingsOptions {
  readonly service: 'gateway' | 'worker'
  readonly build: Build
  /** The states of the servers, from `dependencyChecks`. */
  readonly states: () => Promise<DependencyStates>
  /** The database's pools by name. */
  readonly pools: () => Readonly<Record<string, PoolUse>>
}

/** The gauges that both services have: what was built, the servers, the pools. */
export const serviceReadings = ({ service, build, states, pools }: ServiceReadingsOptions): readonly Reading[] => [
  {
    name: 'airlock_build_info',
    help: 'Always 1, with the version and the commit of this process, and the version of Node',
    labelNames: ['service', 'version', 'revision', 'node'],
    read: (set) => set({ service, ...build, node: process.versions.node }, 1),
  },
  {
    name: 'airlock_dependency_up',
    help: 'Whether the server responded to the last check: 1, or 0',
    labelNames: ['dependency'],
    async read(set) {
      for (const [dependency, { failure }] of Object.entries(await states())) set({ dependency }, failure === null ? 1 : 0)
    },
  },
  {
    name: 'airlock_dependency_seconds',
    help: 'Duration of the last check of the server, in seconds; of a failed one, until it failed',
    labelNames: ['dependency'],
    async read(set) {
      for (const [dependency, { ms }] of Object.entries(await states())) set({ dependency }, ms / 1000)
    },
  },
  {
    name: 'airlock_pool_connections',
    help: 'Connections to Postgres by pool and state; waiting: callers that wait for one',
    labelNames: ['pool', 'state'],
    read(set) {
      for (const [pool, { inUse, idle, waiting }] of Object.entries(pools())) {
        set({ pool, state: 'in_use' }, inUse)
        set({ pool, state: 'idle' }, idle)
        set({ pool, state: 'waiting' }, waiting)
      }
    },
  },
]
