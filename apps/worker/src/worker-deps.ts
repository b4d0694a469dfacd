import type { Build } from '@airlock/config'
import type { Database, EventListenOptions, FeedListenOptions, Listening, PurgeListenOptions } from '@airlock/database'
import type { Log, SizeLimits } from '@airlock/domain'
import type { RetryPolicy } from '@airlock/lifecycle'
import type { JobQueue, QueueLane } from '@airlock/queue'
import type { ObjectStore } from '@airlock/storage'
import type { Telemetry } from '@airlock/telemetry'
import type { Redis } from 'ioredis'
import type { IsolatedInspectors } from './isolated-inspector.ts'
import type { SweepTimerOptions, UpkeepOptions } from './timers.ts'
import type { WebhookOptions } from './webhooks/senders.ts'

/** The servers and settings of a worker. */
export interface WorkerDeps {
  database: Database
  store: ObjectStore
  jobQueue: JobQueue
  /** For the queues' blocking reads. */
  redis: Redis
  queuePrefix: string
  log: Log
  /** Absent: no tracing. */
  telemetry?: Telemetry | undefined
  build: Build
  /** Null: the health server serves metrics too. */
  metricsPort: number | null
  lanes: readonly QueueLane[]
  /** Concurrent jobs per lane. */
  concurrency: number
  /** Concurrent jobs of one user in each lane; 0: `concurrency` - 1. */
  maxRunningPerUser: number
  retry: RetryPolicy
  leaseSeconds: number
  sizeLimits: SizeLimits
  /** Concurrent pipeline videos of one project over all workers; 0: unlimited. */
  maxRunningPerProject: number
  /** For the `s3://bucket/key` of assets. */
  bucket: string
  /** Owned by the caller; not closed by the worker. */
  inspectors: Pick<IsolatedInspectors, 'forLane' | 'usage'>
  sweep: Omit<SweepTimerOptions, 'onSwept'>
  purge: { everySeconds: number; againInSeconds: number }
  upkeep: UpkeepOptions
  relay: { everySeconds: number }
  webhooks: WebhookOptions
  /** Subscribes to notifications about objects to purge; the timer covers lost ones. */
  listenForPurges(handlers: Pick<PurgeListenOptions, 'onPurge' | 'onReady' | 'onLost'>): Listening
  /** Subscribes to notifications about written events; the timer covers lost ones. */
  listenForEvents(handlers: Pick<EventListenOptions, 'onEvent' | 'onReady' | 'onLost'>): Listening
  /** Subscribes to notifications about events that got their positions; the timer covers lost ones. */
  listenForFeed(handlers: Pick<FeedListenOptions, 'onMore' | 'onReady' | 'onLost'>): Listening
}
