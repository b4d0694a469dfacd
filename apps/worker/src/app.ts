import type { Database, Listening, PurgeBellOptions } from '@airlock/database'
import type { SizeLimits } from '@airlock/domain'
import type { Log } from '@airlock/lifecycle'
import type { Bell, QueueLane } from '@airlock/queue'
import type { ObjectStore } from '@airlock/storage'
import type { FastifyInstance } from 'fastify'
import type { Redis } from 'ioredis'
import { healthServer } from './health.ts'
import { type InspectionSettings, isolatedInspector } from './isolated-inspector.ts'
import type { RetryPolicy } from './jobs/process-upload.ts'
import { openLane } from './lane.ts'
import { WorkerMetrics } from './metrics.ts'
import { PurgeTimer } from './purge-timer.ts'
import { SweepTimer, type SweepTimerOptions } from './sweep-timer.ts'
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
  /** What reading a file may cost, where it differs from inspection's own limits. */
  inspection?: InspectionSettings
  sweep: Omit<SweepTimerOptions, 'onSwept'>
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
  const openLanes = lanes.map((lane) => {
    const inspector = isolatedInspector({ ...deps, settings: deps.inspection })
    return { lane: openLane(lane, inspector.inspect, metrics, deps), inspector }
  })
  const sweeper = new SweepTimer(
    {
      ...deps.sweep,
      onSwept: (report) => {
        for (const [rule, count] of Object.entries(report)) metrics.swept.inc({ rule }, count)
      },
    },
    { uploads: database.uploads, assets: database.assets, sweeper: database.sweeper, store, bell, log },
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
      for (const { lane } of openLanes) lane.run().catch((err: unknown) => log.error({ err }, 'a lane stopped'))
      for (const timer of [sweeper, purger, upkeep]) timer.start()
      const soon = () => purger.soon()
      listening = deps.listenForPurges({ onPurge: soon, onReady: soon, onLost: () => {} })
    },
    async stop() {
      ready = false
      await Promise.all([
        listening?.close(),
        ...[sweeper, purger, upkeep].map((timer) => timer.stop()),
        ...openLanes.map(({ lane }) => lane.close()),
      ])
      await Promise.all(openLanes.map(({ inspector }) => inspector.close()))
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
