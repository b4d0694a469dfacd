import type { Queue, Telemetry } from 'bullmq'
import type { Redis } from 'ioredis'
import { blockingConnection, blockingDuplicate, failFastConnection } from './connection.ts'
import { FailFastQueues } from './fail-fast-queues.ts'
import { JobEnds, readMs } from './job-ends.ts'
import { jobOptions } from './job-options.ts'
import { type Priority, queuePrefix } from './names.ts'
import { type GeneratedVideo, generatedVideoJob, parseGeneratedVideo } from './payloads/generated-video.ts'
import type { JobResult } from './payloads/job-result.ts'
import { ProducerClosed, QueueUnreachable } from './producer-errors.ts'
import { ResultWait } from './result-wait.ts'

export type AirlockProducerOptions = (
  | { redisUrl: string }
  /** A connection that the caller owns and closes. Its commands should fail fast: `maxRetriesPerRequest: 1`, `enableOfflineQueue: false`. */
  | { connection: Redis }
) & {
  /** The queues' key prefix, if Airlock's is not the default. */
  prefix?: string
  /** Called with each error of the connections, which reconnect automatically. */
  onError?: (error: Error) => void
  /** `new BullMQOtel(…)` of the package `bullmq-otel`: makes enqueueing a span of the caller's trace, which Airlock continues. */
  telemetry?: Telemetry
}

/** A video in the inbox. */
export interface VideoToHandOver {
  /** Any UUID, the same as in `key`: the id of the job, and of the upload in all routes and events. */
  uploadId: string
  userId: string
  projectId: string
  /** From `inboxKey({ projectId, uploadId })`. */
  key: string
  filename: string
  /** The SHA-256 of the file's bytes, 64 hex digits in lower case; a file with another hash is rejected. */
  sha256?: string | undefined
  /** A flat object of at most 4 KiB; events and responses return it. */
  metadata?: Record<string, string | number | boolean> | undefined
  /** Default: `batch`. */
  priority?: Priority | undefined
}

/** `waiting`: for a worker, or for the next attempt. */
export type HandedOverState = 'waiting' | 'active' | 'completed' | 'failed'

/** The result of enqueueing. `enqueued` is false when Redis already has a job of this upload, which was not changed. */
export interface HandedOver {
  uploadId: string
  enqueued: boolean
  state: HandedOverState
  /** Why the job failed; it is not retried automatically. Null unless it has failed. */
  failedReason: string | null
}

export interface WaitOptions {
  /** The longest wait, in ms, from 1 to a day. Default: a quarter of an hour. */
  timeoutMs?: number
  /** The interval at which the job itself is read, in ms, in addition to events, because an event may be lost. Default: 5 seconds. */
  lookEveryMs?: number
}

const oneDayMs = 24 * 3600 * 1000

/**
 * Submits a video pipeline's videos to Airlock through its queue, without the gateway.
 *
 * @example
 * const airlock = new AirlockProducer({ redisUrl: 'redis://127.0.0.1:6379' })
 * await airlock.enqueueGeneratedVideo({ uploadId, userId, projectId, key: inboxKey({ projectId, uploadId }), filename: 'scene-01.mp4' })
 * const { status, asset_id } = await airlock.waitFor(uploadId)
 * await airlock.close()
 */
export class AirlockProducer {
  readonly #redis: Redis
  readonly #isRedisOurs: boolean
  readonly #connectBlocking: () => Redis
  readonly #onError: (error: Error) => void
  readonly #queues: FailFastQueues
  readonly #closed = new AbortController()
  #ends: Promise<JobEnds> | undefined

  constructor(options: AirlockProducerOptions) {
    const { prefix = queuePrefix, onError = () => {}, telemetry } = options
    this.#isRedisOurs = 'redisUrl' in options
    this.#redis = 'redisUrl' in options ? failFastConnection(options.redisUrl, { onError }) : options.connection
    const timeouts = { onError, silentMs: 3 * readMs }
    this.#connectBlocking = () =>
      'redisUrl' in options ? blockingConnection(options.redisUrl, timeouts) : blockingDuplicate(options.connection, timeouts)
    this.#onError = onError
    this.#queues = new FailFastQueues({
      redis: this.#redis,
      prefix,
      waitsForConnection: true,
      Unreachable: QueueUnreachable,
      onError,
      telemetry,
    })
  }

  /**
   * Enqueues the job of a video in the inbox. Enqueueing is idempotent, also after a crash: an id has one job and one asset. Two concurrent
   * calls for one id may both return `enqueued`.
   *
   * @param options.again replaces a job that has failed for good; without it, the failed job stays for inspection
   * @throws PayloadMalformed names the field and its rule; nothing was sent
   * @throws QueueUnreachable within 1.5 s when Redis is unavailable or does not respond; the job may have been added nevertheless
   * @throws ProducerClosed
   */
  async enqueueGeneratedVideo(video: VideoToHandOver, { again = false }: { again?: boolean } = {}): Promise<HandedOver> {
    const payload = parseGeneratedVideo(generatedVideoJob, asPayload(video))
    this.#mustBeOpen()
    return this.#queues.reachable('enqueue', () => enqueue(this.#queues.queue('videos'), payload, again))
  }

  /**
   * Waits for the end of an upload. The wait outlives an outage of Redis. All waits share one connection.
   *
   * @returns completed with its asset, rejected with the reason, or failed: parked with its bytes kept, for an operator
   * @throws JobFailed when the job itself was wrong: the message says why
   * @throws JobGone when Redis has no such job: enqueue the video again and wait again
   * @throws ResultUnknown when the job ended without a result
   * @throws WaitTimedOut, ProducerClosed
   * @throws RangeError for an invalid time
   */
  async waitFor(uploadId: string, { timeoutMs = oneDayMs / 96, lookEveryMs = 5000 }: WaitOptions = {}): Promise<JobResult> {
    mustBeDuration('timeoutMs', timeoutMs)
    mustBeDuration('lookEveryMs', lookEveryMs)
    this.#mustBeOpen()
    const wait = new ResultWait(uploadId.toLowerCase(), { timeoutMs, lookEveryMs, closed: this.#closed.signal, queues: this.#queues })
    return wait.result(() => this.#subscription())
  }

  /** Ends all waits and connections. */
  async close(): Promise<void> {
    this.#closed.abort(new ProducerClosed('the producer was closed'))
    const ends = await this.#ends?.catch(() => undefined) // if it could not be opened, there is nothing to close
    ends?.close()
    await this.#queues.close()
    if (this.#isRedisOurs) this.#redis.disconnect()
  }

  /** Opened by the first wait. If opening fails, the next read of the job tries again. */
  #subscription(): Promise<JobEnds> {
    this.#ends ??= this.#subscribe().catch((error: unknown) => {
      this.#ends = undefined
      throw error
    })
    return this.#ends
  }

  async #subscribe(): Promise<JobEnds> {
    const stream = this.#queues.queue('videos').toKey('events')
    const since = await this.#queues.reachable('read the events', () => lastEventOf(this.#redis, stream))
    this.#mustBeOpen()
    return new JobEnds({ stream, since, redis: this.#connectBlocking(), onError: this.#onError })
  }

  #mustBeOpen(): void {
    this.#closed.signal.throwIfAborted()
  }
}

async function lastEventOf(redis: Redis, stream: string): Promise<string> {
  const [last] = await redis.xrevrange(stream, '+', '-', 'COUNT', 1)
  return last?.[0] ?? '0-0'
}

async function enqueue(queue: Queue, payload: GeneratedVideo, again: boolean): Promise<HandedOver> {
  const { upload_id: uploadId } = payload
  const known = await queue.getJob(uploadId)
  const state = handedOverState((await known?.getState()) ?? 'unknown')
  if (known !== undefined && state !== null) {
    if (state !== 'failed') return { uploadId, enqueued: false, state, failedReason: null }
    if (!again) return { uploadId, enqueued: false, state, failedReason: known.failedReason }
    await known.remove()
  }
  await queue.add(generatedVideoJob, payload, jobOptions('videos', { name: generatedVideoJob, payload }))
  return { uploadId, enqueued: true, state: 'waiting', failedReason: null }
}

function handedOverState(state: string): HandedOverState | null {
  if (state === 'unknown') return null
  return state === 'active' || state === 'completed' || state === 'failed' ? state : 'waiting'
}

/** The payload's field names. Absent fields are not sent. */
function asPayload({ uploadId, userId, projectId, key, filename, sha256, metadata, priority }: VideoToHandOver): unknown {
  return {
    version: 1,
    upload_id: uploadId,
    user_id: userId,
    project_id: projectId,
    key,
    filename,
    ...(sha256 !== undefined && { sha256 }),
    ...(metadata !== undefined && { metadata }),
    ...(priority !== undefined && { priority }),
  }
}

function mustBeDuration(name: string, ms: number): void {
  if (!(ms >= 1 && ms <= oneDayMs))
    throw new RangeError(`${name} is ${ms}, but must be a number of milliseconds from 1 to ${oneDayMs}, a day`)
}
