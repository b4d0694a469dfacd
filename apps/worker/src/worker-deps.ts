import type { Database, EventListenOptions, FeedListenOptions, Listening, PurgeListenOptions } from '@airlock/database'
import type { SizeLimits } from '@airlock/domain'
import type { Launcher } from '@airlock/inspection/isolated'
import type { Log } from '@airlock/lifecycle'
import type { JobQueue, QueueLane } from '@airlock/queue'
import type { ObjectStore } from '@airlock/storage'
import type { Redis } from 'ioredis'
import type { InspectionSettings } from './isolated-inspector.ts'
import type { RetryPolicy } from './jobs/process-upload.ts'
import type { SweepTimerOptions } from './sweep-timer.ts'
import type { UpkeepOptions } from './upkeep-timer.ts'
import type { WebhookOptions } from './webhooks/senders.ts'

/** What a worker is built from: its servers, and its settings. */
export interface WorkerDeps {
  database: Database
  store: ObjectStore
  jobQueue: JobQueue
  /** For the queues' blocking reads. */
  redis: Redis
  queuePrefix: string
  log: Log
  lanes: readonly QueueLane[]
  /** Jobs at once for each lane. */
  concurrency: number
  /** Jobs of one user at once in each lane; 0: all but one of `concurrency`. */
  maxRunningPerUser: number
  retry: RetryPolicy
  leaseSeconds: number
  sizeLimits: SizeLimits
  /** The pipeline's videos of one project that may run at once, over all workers; 0: no bound. */
  maxRunningPerProject: number
  /** Only to say where assets are: `s3://bucket/key`. */
  bucket: string
  /** What reading a file may cost, where it differs from inspection's own limits. */
  inspection?: InspectionSettings
  /** How inspecting processes are started, as `findLauncher` found it; absent: as plain child processes. */
  launcher?: Launcher
  sweep: Omit<SweepTimerOptions, 'onSwept'>
  purge: { everySeconds: number; againInSeconds: number }
  upkeep: UpkeepOptions
  relay: { everySeconds: number; leaseSeconds: number }
  webhooks: WebhookOptions
  /** Hears when objects have to be purged; what it misses waits for the timer. */
  listenForPurges(handlers: Pick<PurgeListenOptions, 'onPurge' | 'onReady' | 'onLost'>): Listening
  /** Hears when events were written; what it misses waits for the timer. */
  listenForEvents(handlers: Pick<EventListenOptions, 'onEvent' | 'onReady' | 'onLost'>): Listening
  /** Hears when events got their places; what it misses waits for the timer. */
  listenForFeed(handlers: Pick<FeedListenOptions, 'onMore' | 'onReady' | 'onLost'>): Listening
}
