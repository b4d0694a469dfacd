import { randomUUID } from 'node:crypto'
import { isolatedQueuePrefix, waitFor } from '@airlock/testkit'
import { type Job, type Processor, Queue, Worker } from 'bullmq'
import { test as base } from 'vitest'
import { blockingConnection, JobQueue, type QueueLane, queueLanes, queueNames } from '../src/index.ts'

/** Direct access to the queues in Redis, and workers for them. */
export class Listening {
  readonly #redisUrl: string
  readonly #prefix: string
  readonly #open: (() => Promise<unknown>)[] = []

  constructor({ redisUrl, prefix }: { redisUrl: string; prefix: string }) {
    this.#redisUrl = redisUrl
    this.#prefix = prefix
  }

  queue(lane: QueueLane): Queue {
    const queue = new Queue(queueNames[lane], { connection: this.#connection(), prefix: this.#prefix })
    this.#open.unshift(() => queue.close())
    return queue
  }

  /** A worker for one lane. */
  worker(lane: QueueLane, process: Processor): Worker {
    const worker = new Worker(queueNames[lane], process, { connection: this.#connection(), prefix: this.#prefix })
    worker.on('error', () => {})
    // by force, because a failed test may leave a job that never ends
    this.#open.unshift(() => worker.close(true))
    return worker
  }

  /** The jobs of a lane in any state. */
  async jobs(lane: QueueLane): Promise<Job[]> {
    return this.queue(lane).getJobs(['wait', 'active', 'delayed', 'failed', 'completed', 'prioritized'])
  }

  async jobsOfAllLanes(): Promise<Job[]> {
    return (await Promise.all(queueLanes.map((lane) => this.jobs(lane)))).flat()
  }

  async close(): Promise<void> {
    for (const close of this.#open) await close()
  }

  #connection() {
    const redis = blockingConnection(this.#redisUrl, { onError: () => {} })
    this.#open.push(async () => redis.disconnect())
    return redis
  }
}

export const jobQueueAt = (redisUrl: string, prefix: string, errors: Error[] = []): JobQueue =>
  new JobQueue({ redisUrl, prefix, onError: (error) => errors.push(error) })

/** Enqueues, with retries until Redis is reachable: the constructor does not wait for its connection. */
export const enqueuesEventually = (jobQueue: JobQueue, uploadId: string, lane: QueueLane = 'images'): Promise<true> =>
  waitFor(() => jobQueue.enqueue(lane, { uploadId }).then(() => true as const), { what: 'the job to be enqueued', timeoutMs: 10_000 })

/** Gives each test separate queues, and fails a test that leaves a connection of its job queue open. */
export const test = base
  .extend('errors', async () => [] as Error[])
  .extend('queues', async ({ errors: _ }, { onCleanup }) => {
    const { prefix, redisUrl, drop } = isolatedQueuePrefix()
    onCleanup(drop)
    return { prefix, redisUrl }
  })
  .extend('jobQueue', async ({ queues, errors }, { onCleanup }) => {
    const jobQueue = jobQueueAt(queues.redisUrl, queues.prefix, errors)
    onCleanup(() => jobQueue.close())
    await waitFor(() => jobQueue.check().then(() => true), { what: 'the job queue to reach Redis' })
    return jobQueue
  })
  .extend('listening', async ({ queues }, { onCleanup }) => {
    const listening = new Listening(queues)
    onCleanup(() => listening.close())
    return listening
  })
  .extend('uploadId', async () => randomUUID())
