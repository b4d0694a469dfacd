import { setTimeout } from 'node:timers/promises'
import type { Job, JobState, Telemetry } from 'bullmq'
import type { Redis } from 'ioredis'
import { commandTimeoutMs, failFastConnection } from './connection.ts'
import { FailFastQueues } from './fail-fast-queues.ts'
import { jobOptions } from './job-options.ts'
import { type Priority, type QueueLane, queuePrefix } from './names.ts'
import { type GeneratedVideo, generatedVideoJob } from './payloads/generated-video.ts'
import type { AirlockJob } from './payloads/parse-job.ts'
import { processUploadJob } from './payloads/process-upload.ts'

/** Redis is unavailable or does not respond. Whether the job was added is unknown; the sweeper adds it later. */
export class JobQueueUnreachable extends Error {
  override name = 'JobQueueUnreachable'
}

export interface JobQueueOptions {
  redisUrl: string
  /** The queues' key prefix; each test has its own. */
  prefix?: string
  onError(error: Error): void
  /** Makes enqueueing a span, and gives jobs its context. */
  telemetry?: Telemetry | undefined
}

/** An upload that has a row, and the request that it came with. */
interface UploadToEnqueue {
  uploadId: string
  requestId?: string | undefined
  /** For lanes with priorities; absent: the priority of what people upload themselves. */
  priority?: Priority | undefined
  /** The stored trace to which its job belongs (W3C Trace Context); null: a new one; absent: the active one. */
  traceparent?: string | null | undefined
}

/** Why a job failed for good. */
export interface JobFailure {
  /** For operators. */
  readonly reason: string
  /** Job and object name different owners. */
  readonly isDisputed: boolean
}

/** The progress of a job that a worker refused; a worker reports it before the job fails. */
export interface RefusedProgress {
  readonly refused: 'invalid' | 'disputed'
}

/** Earlier workers wrote a dispute only at the beginning of the reason; Redis keeps their failed jobs for seven days. */
const isDisputed = ({ progress, failedReason }: Job): boolean =>
  (progress as Partial<RefusedProgress>).refused === 'disputed' || failedReason.startsWith('disputed: ')

const processUpload = ({ uploadId, requestId }: UploadToEnqueue): AirlockJob => ({
  name: processUploadJob,
  payload: { version: 1, upload_id: uploadId, ...(requestId === undefined ? {} : { request_id: requestId }) },
})

/**
 * Enqueues the jobs of uploads. No call waits for an unavailable Redis. Enqueueing is idempotent: an upload has at most one job.
 *
 * @example await jobQueue.enqueue('images', { uploadId, requestId })
 */
export class JobQueue {
  readonly #redis: Redis
  /** For `check` only, so that checks and jobs do not wait for each other. */
  readonly #checks: Redis
  readonly #queues: FailFastQueues
  readonly #telemetry: Telemetry | undefined

  constructor({ redisUrl, prefix = queuePrefix, onError, telemetry }: JobQueueOptions) {
    this.#telemetry = telemetry
    this.#redis = failFastConnection(redisUrl, { onError })
    this.#checks = failFastConnection(redisUrl, { onError: () => {} }) // the other connection reports errors of Redis
    this.#queues = new FailFastQueues({
      redis: this.#redis,
      prefix,
      waitsForConnection: false,
      Unreachable: JobQueueUnreachable,
      onError,
      telemetry,
    })
  }

  /**
   * Enqueues the job of one upload.
   *
   * @throws JobQueueUnreachable within 1.5 s when Redis is unavailable; the job may have been added nevertheless
   */
  async enqueue(lane: QueueLane, upload: UploadToEnqueue): Promise<void> {
    await this.#add(lane, processUpload(upload), upload.priority)
  }

  /**
   * Makes sure that an upload whose row is due has a job that waits or runs. An ended job that Redis still keeps is replaced. A delayed job is
   * promoted: a worker computed its time, and that worker's clock may be wrong.
   *
   * @returns whether a job was added or promoted; false when one waits or runs already
   * @throws JobQueueUnreachable when Redis is unavailable
   */
  async ensureEnqueued(lane: QueueLane, upload: UploadToEnqueue): Promise<boolean> {
    const ensure = () => this.#replaceEnded(lane, processUpload(upload), { isDue: true, priority: upload.priority })
    return this.#inTrace(upload.traceparent, ensure)
  }

  /**
   * Whether the job of an upload waits for a worker or runs, so that `ensureEnqueued` would do nothing. A delayed job does not count.
   *
   * @throws JobQueueUnreachable when Redis is unavailable
   */
  async isEnqueued(lane: QueueLane, uploadId: string): Promise<boolean> {
    const state = await this.#queues.reachable('read the job', () => this.#queues.queue(lane).getJobState(uploadId.toLowerCase()))
    return state !== 'delayed' && !hasEnded(state)
  }

  /**
   * Moves the job of an upload that is due ahead of all others of its priority, so that the next free worker takes it. A job that Redis has
   * lost is added again, a delayed one is promoted.
   *
   * @returns false when a worker already runs it
   * @throws JobQueueUnreachable when Redis is unavailable
   */
  async moveToFront(lane: QueueLane, upload: UploadToEnqueue): Promise<boolean> {
    return this.#inTrace(upload.traceparent ?? null, () => this.#moveToFront(lane, upload)) // the active trace is that of another upload
  }

  async #moveToFront(lane: QueueLane, upload: UploadToEnqueue): Promise<boolean> {
    const job = processUpload(upload)
    const front = { lifo: true, ...frontOf(lane, job, upload.priority) }
    const known = await this.#queues.reachable('find the job', () => this.#queues.queue(lane).getJob(job.payload.upload_id))
    const state = known === undefined ? 'unknown' : await this.#queues.reachable('read the job', () => known.getState())
    if (state === 'active') return false
    if (known === undefined || hasEnded(state)) {
      if (known !== undefined) await this.#queues.reachable('remove the ended job', () => known.remove())
      const options = { ...jobOptions(lane, job, upload.priority), ...front }
      await this.#queues.reachable('enqueue', () => this.#queues.queue(lane).add(job.name, job.payload, options))
      return true
    }
    if (state === 'delayed') await this.#queues.reachable('promote the job', () => promoteDelayed(known))
    await this.#queues.reachable('move the job to the front', () => known.changePriority(front))
    return true
  }

  /**
   * Makes sure that a video in the pipeline's inbox, which may not have a row yet, has a job, as its producer should have enqueued it. An ended
   * job that Redis still keeps is replaced.
   *
   * @param payload from `parseGeneratedVideo`
   * @returns whether a job was added; false when one that has not ended exists
   * @throws JobQueueUnreachable when Redis is unavailable
   */
  async ensureVideoEnqueued(payload: GeneratedVideo): Promise<boolean> {
    return this.#replaceEnded('videos', { name: generatedVideoJob, payload }, { isDue: false })
  }

  /**
   * Why the job of an upload failed for good; null when it has not, or Redis no longer keeps it.
   *
   * @throws JobQueueUnreachable when Redis is unavailable
   */
  async failureOf(lane: QueueLane, uploadId: string): Promise<JobFailure | null> {
    const job = await this.#queues.reachable('find the job', () => this.#queues.queue(lane).getJob(uploadId))
    if (job === undefined || (await this.#queues.reachable('read the job', () => job.getState())) !== 'failed') return null
    return { reason: job.failedReason, isDisputed: isDisputed(job) }
  }

  /** The progress that a worker last reported, from 0 to 1; null when Redis has none or is unavailable. */
  async progressOf(lane: QueueLane, uploadId: string): Promise<number | null> {
    try {
      const job = await this.#queues.reachable('read progress', () => this.#queues.queue(lane).getJob(uploadId))
      return typeof job?.progress === 'number' ? job.progress : null
    } catch (error) {
      if (error instanceof JobQueueUnreachable) return null
      throw error
    }
  }

  /** Waits until Redis is connected, for programs that enqueue right after the start. @throws JobQueueUnreachable after 1.5 s */
  async ready(): Promise<void> {
    const deadline = performance.now() + commandTimeoutMs
    const isReady = () => this.#redis.status === 'ready' && this.#checks.status === 'ready'
    while (!isReady() && performance.now() < deadline) await setTimeout(20)
    await this.check()
  }

  /** Pings on the connection that enqueues. @throws JobQueueUnreachable when Redis does not answer in 1.5 s */
  async ping(): Promise<void> {
    await this.#queues.reachable('ping', () => this.#redis.ping())
  }

  /** Pings on a separate connection, for frequent checks. @throws JobQueueUnreachable when Redis does not answer in 1.5 s */
  async check(): Promise<void> {
    await this.#queues.reachable('ping', () => this.#checks.ping())
  }

  async close(): Promise<void> {
    await this.#queues.close()
    this.#redis.disconnect()
    this.#checks.disconnect()
  }

  /** Runs a call within a stored trace, if there is tracing. */
  #inTrace<T>(traceparent: string | null | undefined, call: () => Promise<T>): Promise<T> {
    const contexts = this.#telemetry?.contextManager
    if (contexts === undefined || traceparent === undefined) return call()
    const root = contexts.root?.()
    return contexts.with(traceparent === null ? root : contexts.fromMetadata(root, JSON.stringify({ traceparent })), call)
  }

  async #add(lane: QueueLane, job: AirlockJob, priority?: Priority): Promise<void> {
    await this.#queues.reachable('enqueue', () => this.#queues.queue(lane).add(job.name, job.payload, jobOptions(lane, job, priority)))
  }

  async #replaceEnded(
    lane: QueueLane,
    job: AirlockJob,
    { isDue, priority }: { isDue: boolean; priority?: Priority | undefined },
  ): Promise<boolean> {
    const known = await this.#queues.reachable('find the job', () => this.#queues.queue(lane).getJob(job.payload.upload_id))
    if (known !== undefined) {
      const state = await this.#queues.reachable('read the job', () => known.getState())
      if (state === 'delayed' && isDue) return this.#queues.reachable('promote the job', () => promoteDelayed(known))
      if (!hasEnded(state)) return false
      await this.#queues.reachable('remove the ended job', () => known.remove())
    }
    await this.#add(lane, job, priority)
    return true
  }
}

/** Ahead of the jobs of the same priority, and after those of the next higher one: priorities are ten apart. */
function frontOf(lane: QueueLane, job: AirlockJob, wanted: Priority | undefined): { priority: number } {
  const { priority = 0 } = jobOptions(lane, job, wanted)
  return { priority: priority === 0 ? 0 : priority - 1 }
}

/** `unknown`: the job does not exist. */
const hasEnded = (state: JobState | 'unknown'): boolean => state === 'completed' || state === 'failed' || state === 'unknown'

/** @returns false when the job is no longer delayed */
async function promoteDelayed(job: Job): Promise<boolean> {
  try {
    await job.promote()
    return true
  } catch (error) {
    if ((await job.getState()) === 'delayed') throw error
    return false
  }
}
