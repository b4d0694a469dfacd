import { setTimeout } from 'node:timers/promises'
import type { Job, JobState } from 'bullmq'
import type { Redis } from 'ioredis'
import { commandTimeoutMs, failFastConnection } from './connection.ts'
import { FailFastQueues } from './fail-fast-queues.ts'
import { jobOptions } from './job-options.ts'
import { type QueueLane, queuePrefix } from './names.ts'
import { type GeneratedVideo, generatedVideoJob } from './payloads/generated-video.ts'
import type { AirlockJob } from './payloads/parse-job.ts'
import { processUploadJob } from './payloads/process-upload.ts'
import type { Priority } from './priorities.ts'

/** Redis is away or silent; nobody was woken, or nobody can tell. The sweeper rings again. */
export class JobQueueUnreachable extends Error {
  override name = 'JobQueueUnreachable'
}

export interface JobQueueOptions {
  redisUrl: string
  /** The queues' key prefix; tests have one of their own. */
  prefix?: string
  onError(error: Error): void
}

/** An upload that Postgres knows, and the request that it came with. */
interface Ringing {
  uploadId: string
  requestId?: string | undefined
  /** For lanes in which uploads overtake each other; absent: as what people upload themselves. */
  priority?: Priority | undefined
}

const processUpload = ({ uploadId, requestId }: Ringing): AirlockJob => ({
  name: processUploadJob,
  payload: { version: 1, upload_id: uploadId, ...(requestId === undefined ? {} : { request_id: requestId }) },
})

/**
 * Wakes workers. It never waits for a Redis that is away, and ringing twice for one upload wakes one worker.
 *
 * @example await bell.ring('images', { uploadId, requestId })
 */
export class JobQueue {
  readonly #redis: Redis
  /** For checks alone, so that none waits behind what is being rung, nor the other way round. */
  readonly #checks: Redis
  readonly #queues: FailFastQueues

  constructor({ redisUrl, prefix = queuePrefix, onError }: JobQueueOptions) {
    this.#redis = failFastConnection(redisUrl, { onError })
    this.#checks = failFastConnection(redisUrl, { onError: () => {} }) // what is wrong with Redis, the other one reports
    this.#queues = new FailFastQueues({
      redis: this.#redis,
      prefix,
      waitsForConnection: false,
      Unreachable: JobQueueUnreachable,
      onError,
    })
  }

  /**
   * Wakes a worker for one upload.
   *
   * @throws JobQueueUnreachable within 1.5 s when Redis is away; the upload may have been rung for all the same
   */
  async enqueue(lane: QueueLane, ringing: Ringing): Promise<void> {
    await this.#add(lane, processUpload(ringing), ringing.priority)
  }

  /**
   * Wakes a worker for an upload that is due by the record, also when a finished job of that id is still kept. A job that waits for its
   * time is brought forward: that time was written by the clock of a worker, which may be wrong.
   *
   * @returns whether it rang; false when a job waits or runs already
   * @throws JobQueueUnreachable when Redis is away
   */
  async ensureEnqueued(lane: QueueLane, ringing: Ringing): Promise<boolean> {
    return this.#addAgain(lane, processUpload(ringing), { isDue: true, priority: ringing.priority })
  }

  /**
   * Whether `ensureEnqueued` would ring, without doing it.
   *
   * @throws JobQueueUnreachable when Redis is away
   */
  async wouldRing(lane: QueueLane, uploadId: string): Promise<boolean> {
    const state = await this.#queues.reachable('look at the job', () => this.#queues.queue(lane).getJobState(uploadId.toLowerCase()))
    return state === 'delayed' || hasEnded(state)
  }

  /**
   * Puts the job of an upload that is due before all others of its priority, so that the next free worker takes it. A job that Redis has
   * forgotten, or that waits for its time, is put there too.
   *
   * @returns false when a worker has it already
   * @throws JobQueueUnreachable when Redis is away
   */
  async bringToFront(lane: QueueLane, ringing: Ringing): Promise<boolean> {
    const job = processUpload(ringing)
    const front = { lifo: true, ...frontOf(lane, job, ringing.priority) }
    const known = await this.#queues.reachable('look for the job', () => this.#queues.queue(lane).getJob(job.payload.upload_id))
    const state = known === undefined ? 'unknown' : await this.#queues.reachable('look at the job', () => known.getState())
    if (state === 'active') return false
    if (known === undefined || hasEnded(state)) {
      if (known !== undefined) await this.#queues.reachable('remove the finished job', () => known.remove())
      const options = { ...jobOptions(lane, job, ringing.priority), ...front }
      await this.#queues.reachable('ring', () => this.#queues.queue(lane).add(job.name, job.payload, options))
      return true
    }
    if (state === 'delayed') await this.#queues.reachable('bring the job forward', () => broughtForward(known))
    await this.#queues.reachable('bring the job to the front', () => known.changePriority(front))
    return true
  }

  /**
   * Wakes a worker for a video in the pipeline's inbox that no row may know yet, as its producer should have, also when a finished job of
   * that id is still kept.
   *
   * @param payload from `parseGeneratedVideo`
   * @returns whether it rang; false when a live job is there already
   * @throws JobQueueUnreachable when Redis is away
   */
  async ensureVideoEnqueued(payload: GeneratedVideo): Promise<boolean> {
    return this.#addAgain('videos', { name: generatedVideoJob, payload }, { isDue: false })
  }

  /**
   * Why the job of an upload failed for good, as its worker said; null when it has not, or Redis keeps it no longer.
   *
   * @throws JobQueueUnreachable when Redis is away
   */
  async failureOf(lane: QueueLane, uploadId: string): Promise<string | null> {
    const job = await this.#queues.reachable('look for the job', () => this.#queues.queue(lane).getJob(uploadId))
    if (job === undefined || (await this.#queues.reachable('look at the job', () => job.getState())) !== 'failed') return null
    return job.failedReason
  }

  /** The progress that a worker last told, from 0 to 1, or null when Redis does not know. Never throws. */
  async progressOf(lane: QueueLane, uploadId: string): Promise<number | null> {
    try {
      const job = await this.#queues.reachable('read progress', () => this.#queues.queue(lane).getJob(uploadId))
      return typeof job?.progress === 'number' ? job.progress : null
    } catch (error) {
      if (error instanceof JobQueueUnreachable) return null
      throw error
    }
  }

  /** Waits for the connection that was begun with the bell, for programs that ring at once. @throws JobQueueUnreachable after 1.5 s */
  async ready(): Promise<void> {
    const deadline = performance.now() + commandTimeoutMs
    const isReady = () => this.#redis.status === 'ready' && this.#checks.status === 'ready'
    while (!isReady() && performance.now() < deadline) await setTimeout(20)
    await this.check()
  }

  /** Asks on the connection that rings. @throws JobQueueUnreachable when Redis does not answer in 1.5 s */
  async ping(): Promise<void> {
    await this.#queues.reachable('ping', () => this.#redis.ping())
  }

  /** Asks on a connection of its own, however often people ask. @throws JobQueueUnreachable when Redis does not answer in 1.5 s */
  async check(): Promise<void> {
    await this.#queues.reachable('ping', () => this.#checks.ping())
  }

  async close(): Promise<void> {
    await this.#queues.close()
    this.#redis.disconnect()
    this.#checks.disconnect()
  }

  async #add(lane: QueueLane, job: AirlockJob, priority?: Priority): Promise<void> {
    await this.#queues.reachable('ring', () => this.#queues.queue(lane).add(job.name, job.payload, jobOptions(lane, job, priority)))
  }

  async #addAgain(
    lane: QueueLane,
    job: AirlockJob,
    { isDue, priority }: { isDue: boolean; priority?: Priority | undefined },
  ): Promise<boolean> {
    const known = await this.#queues.reachable('look for the job', () => this.#queues.queue(lane).getJob(job.payload.upload_id))
    if (known !== undefined) {
      const state = await this.#queues.reachable('look at the job', () => known.getState())
      if (state === 'delayed' && isDue) return this.#queues.reachable('bring the job forward', () => broughtForward(known))
      if (!hasEnded(state)) return false
      await this.#queues.reachable('remove the finished job', () => known.remove())
    }
    await this.#add(lane, job, priority)
    return true
  }
}

/** Before the jobs of the same priority, and behind those of the one before: priorities are ten apart. */
function frontOf(lane: QueueLane, job: AirlockJob, wanted: Priority | undefined): { priority: number } {
  const { priority = 0 } = jobOptions(lane, job, wanted)
  return { priority: priority === 0 ? 0 : priority - 1 }
}

/** `unknown`: there is no such job. */
const hasEnded = (state: JobState | 'unknown'): boolean => state === 'completed' || state === 'failed' || state === 'unknown'

/** @returns false when its time has come meanwhile */
async function broughtForward(job: Job): Promise<boolean> {
  try {
    await job.promote()
    return true
  } catch (error) {
    if ((await job.getState()) === 'delayed') throw error
    return false
  }
}
