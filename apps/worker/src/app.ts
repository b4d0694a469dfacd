import type { Database, Listening, PurgeBellOptions } from '@airlock/database'
import type { SizeLimits } from '@airlock/domain'
import { defaultLimits, inspect } from '@airlock/inspection/full'
import type { Inspect, Log } from '@airlock/lifecycle'
import type { Bell, QueueLane } from '@airlock/queue'
import type { ObjectStore } from '@airlock/storage'
import type { FastifyInstance } from 'fastify'
import type { Redis } from 'ioredis'
import { healthServer } from './health.ts'
import type { RetryPolicy } from './jobs/process-upload.ts'
import { openLane } from './lane.ts'
import { WorkerMetrics } from './metrics.ts'
import { PurgeTimer } from './purge-timer.ts'
import { SweepTimer } from './sweep-timer.ts'
import { type UpkeepOptions, UpkeepTimer } from './upkeep-timer.ts'

export interface WorkerDeps {
  database: Database
  store: ObjectStore
  bell: Bell
  /** For the queues' blocking reads. */
  redis: Redis
  queuePrefix: string
  log: Log
  lanes: readonly QueueLane[]
  /** Jobs at once for each lane. */
  concurrency: number
  retry: RetryPolicy
  leaseSeconds: number
  sizeLimits: SizeLimits
  sweep: { everySeconds: number; ringAfterSeconds: number; receivingForSeconds: number }
  purge: { everySeconds: number; againInSeconds: number }
  upkeep: UpkeepOptions
  /** Hears when objects have to be purged; what it misses waits for the timer. */
  listenForPurges(handlers: Pick<PurgeBellOptions, 'onPurge' | 'onReady' | 'onLost'>): Listening
}

const healthTimeoutMs = 2000

export interface AirlockWorker {
  health: FastifyInstance
  /** Takes jobs from now on. */
  start(): void
  /** Takes no more jobs, and waits for the ones that run. */
  stop(): Promise<void>
}

/** A worker that serves the given lanes, sweeps, purges what was deleted, and looks after the record. */
export function buildWorker(deps: WorkerDeps): AirlockWorker {
  const { database, store, bell, log, lanes } = deps
  const metrics = new WorkerMetrics()
  const openLanes = lanes.map((lane) => openLane(lane, inspectWith(deps.sizeLimits), metrics, deps))
  const sweeper = new SweepTimer(
    {
      ...deps.sweep,
      onSwept: (report) => {
        for (const [rule, count] of Object.entries(report)) metrics.swept.inc({ rule }, count)
      },
    },
    { uploads: database.uploads, store, bell, log },
  )
  const purger = purgeTimer(metrics, deps)
  const upkeep = new UpkeepTimer(deps.upkeep, { database, log })
  let listening: Listening | undefined
  let ready = false
  return {
    health: healthServer({
      registry: metrics.registry,
      checks: {
        database: () => database.check(healthTimeoutMs),
        redis: () => bell.check(),
        s3: () => store.check({ timeoutMs: healthTimeoutMs }),
      },
      isReady: () => ready,
    }),
    start() {
      ready = true
      for (const lane of openLanes) lane.run().catch((err: unknown) => log.error({ err }, 'a lane stopped'))
      for (const timer of [sweeper, purger, upkeep]) timer.start()
      const soon = () => purger.soon()
      listening = deps.listenForPurges({ onPurge: soon, onReady: soon, onLost: () => {} })
    },
    async stop() {
      ready = false
      await Promise.all([
        listening?.close(),
        ...[sweeper, purger, upkeep].map((timer) => timer.stop()),
        ...openLanes.map((lane) => lane.close()),
      ])
    },
  }
}

const purgeTimer = (metrics: WorkerMetrics, { database, store, log, leaseSeconds, purge }: WorkerDeps): PurgeTimer =>
  new PurgeTimer(
    {
      ...purge,
      leaseSeconds,
      onPurged: (report) => {
        for (const [outcome, count] of Object.entries(report)) metrics.purged.inc({ outcome }, count)
      },
    },
    { purges: database.purges, uploads: database.uploads, store, log },
  )

const inspectWith =
  (maxBytes: SizeLimits): Inspect =>
  (source, { filename, detectedType, assetType }) =>
    inspect(source, { filename, mediaType: detectedType, assetType }, { ...defaultLimits, maxBytes })
