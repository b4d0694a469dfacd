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

/** What Redis says about itself, for operators. */
export interface RedisState {
  readonly now: Date
  readonly version: string
  /** A replica refuses writes. */
  readonly isReplica: boolean
  /** What happens when the memory is full; it must be `noeviction`. */
  readonly evictionPolicy: string
  readonly usedBytes: number
  /** Null: no limit. */
  readonly maxBytes: number | null
  /** Whether data survives a restart: an append-only file, or snapshots. */
  readonly appendOnly: boolean
  /** The last snapshot or the last write to the append-only file failed, usually because the disk is full. Redis may then refuse writes. */
  readonly isSavingFailing: boolean
}

/** Reads the contents of the queues, and pauses and resumes them, for operators. */
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

  /**
   * Whether workers take no jobs of the lane.
   *
   * @throws QueueUnreachable within 1.5 s
   */
  async isPaused(lane: QueueLane): Promise<boolean> {
    return this.#queues.reachable('read whether the lane is paused', () => this.#queues.queue(lane).isPaused())
  }

  /**
   * Makes all workers take no more jobs of the lane. Running jobs continue, and jobs are still added. Idempotent.
   *
   * @throws QueueUnreachable within 1.5 s; the lane may be paused nevertheless
   */
  async pause(lane: QueueLane): Promise<void> {
    await this.#queues.reachable('pause the lane', () => this.#queues.queue(lane).pause())
  }

  /**
   * Makes workers take jobs of the lane again. Idempotent.
   *
   * @throws QueueUnreachable within 1.5 s; the lane may be resumed nevertheless
   */
  async resume(lane: QueueLane): Promise<void> {
    await this.#queues.reachable('resume the lane', () => this.#queues.queue(lane).resume())
  }

  /**
   * The number of jobs that a worker runs, at most 1000. Jobs whose worker has died do not count: its lock on them expires, and BullMQ gives them
   * to another worker.
   *
   * @throws QueueUnreachable within 1.5 s
   */
  async running(lane: QueueLane): Promise<number> {
    return this.#queues.reachable('count running jobs', async () => {
      const queue = this.#queues.queue(lane)
      const ids = await queue.getRanges(['active'], 0, 999)
      const locks = ids.map((id) => queue.toKey(`${id}:lock`))
      return locks.length === 0 ? 0 : this.#redis.exists(...locks)
    })
  }

  /**
   * The number of workers that are connected to take jobs of the lane; null if our user of Redis may not list connections.
   *
   * @throws QueueUnreachable within 1.5 s
   */
  async workers(lane: QueueLane): Promise<number | null> {
    return this.#queues
      .reachable('list workers', () => this.#queues.queue(lane).getWorkers())
      .then((workers) => (workers.some(({ name }) => name?.startsWith('GCP')) ? null : workers.length)) // BullMQ's answer without CLIENT LIST
      .catch((error: Error) => {
        if (error.cause instanceof Error && error.cause.message.startsWith('NOPERM')) return null
        throw error
      })
  }

  /** @throws QueueUnreachable within 1.5 s */
  async state(): Promise<RedisState> {
    return this.#queues.reachable('read its state', async () => {
      const [info, [seconds = 0, micros = 0]] = await Promise.all([this.#redis.info(), this.#redis.time()])
      return asState(info, new Date(Number(seconds) * 1000 + Number(micros) / 1000))
    })
  }

  /** @throws QueueUnreachable within 1.5 s */
  async ping(): Promise<void> {
    await this.#queues.reachable('ping', () => this.#redis.ping())
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

function asState(info: string, now: Date): RedisState {
  const fields = new Map(info.split(/\r?\n/).map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]))
  const field = (name: string): string => fields.get(name) ?? ''
  return {
    now,
    version: field('redis_version'),
    isReplica: field('role') === 'slave',
    evictionPolicy: field('maxmemory_policy'),
    usedBytes: Number(field('used_memory')),
    maxBytes: Number(field('maxmemory')) || null,
    appendOnly: field('aof_enabled') === '1',
    isSavingFailing: field('rdb_last_bgsave_status') === 'err' || field('aof_last_write_status') === 'err',
  }
}
