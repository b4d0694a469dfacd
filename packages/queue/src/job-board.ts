import type { Job } from 'bullmq'
import type { Redis } from 'ioredis'
import { failFastConnection } from './connection.ts'
import { FailFastQueues } from './fail-fast-queues.ts'
import { type QueueLane, queuePrefix } from './names.ts'
import { QueueUnreachable } from './producer-errors.ts'

export interface JobBoardOptions {
  redisUrl: string
  prefix?: string
  onError(error: Error): void
}

/** The number of a lane's jobs in each state. `waiting` jobs wait for a worker, `delayed` ones for their time. */
export interface JobCounts {
  waiting: number
  active: number
  delayed: number
  /** Jobs that failed for good and that Redis still keeps. */
  failed: number
  /** Results that Redis still keeps. */
  completed: number
}

/** A job that failed for good. */
export interface FailedJob {
  id: string
  /** The job's name. Any client of Redis may have chosen it. */
  name: string
  attempts: number
  failedAt: Date | null
  reason: string
}

/** Reads the contents of the queues, for operators. It changes nothing. */
export class JobBoard {
  readonly #redis: Redis
  readonly #queues: FailFastQueues

  constructor({ redisUrl, prefix = queuePrefix, onError }: JobBoardOptions) {
    this.#redis = failFastConnection(redisUrl, { onError })
    this.#queues = new FailFastQueues({ redis: this.#redis, prefix, waitsForConnection: true, Unreachable: QueueUnreachable, onError })
  }

  /** @throws QueueUnreachable within 1.5 s */
  async counts(lane: QueueLane): Promise<JobCounts> {
    const counted = await this.#queues.reachable('count jobs', () =>
      this.#queues.queue(lane).getJobCounts('wait', 'prioritized', 'active', 'delayed', 'failed', 'completed'),
    )
    const { wait = 0, prioritized = 0, active = 0, delayed = 0, failed = 0, completed = 0 } = counted
    return { waiting: wait + prioritized, active, delayed, failed, completed }
  }

  /**
   * The most recently failed jobs first.
   *
   * @throws QueueUnreachable within 1.5 s
   */
  async failed(lane: QueueLane, limit: number): Promise<FailedJob[]> {
    if (limit < 1) return []
    const jobs: (Job | undefined)[] = await this.#queues.reachable('list jobs', () => this.#queues.queue(lane).getFailed(0, limit - 1))
    return jobs.filter((job) => job !== undefined).map(asFailedJob) // one may have been removed since it was listed
  }

  async close(): Promise<void> {
    await this.#queues.close()
    this.#redis.disconnect()
  }
}

const asFailedJob = ({ id = '', name, attemptsMade, finishedOn, failedReason }: Job): FailedJob => ({
  id,
  name,
  attempts: attemptsMade,
  failedAt: finishedOn === undefined ? null : new Date(finishedOn),
  reason: failedReason ?? '',
})
