import type { Queue } from 'bullmq'
import type { Redis } from 'ioredis'
import { blockingConnection, blockingDuplicate, failFastConnection } from './connection.ts'
import { FailFastQueues } from './fail-fast-queues.ts'
import { JobEnds, readMs } from './job-ends.ts'
import { jobOptions } from './job-options.ts'
import { queuePrefix } from './names.ts'
import { type GeneratedVideo, generatedVideoJob, parseGeneratedVideo } from './payloads/generated-video.ts'
import type { JobResult } from './payloads/job-result.ts'
import type { Priority } from './priorities.ts'
import { ProducerClosed, QueueUnreachable } from './producer-errors.ts'
import { ResultWait } from './result-wait.ts'

export type AirlockProducerOptions = (
  | { redisUrl: string }
  /** A connection of the caller's own, who closes it. Its commands should fail soon: `maxRetriesPerRequest: 1`, `enableOfflineQueue: false`. */
  | { connection: Redis }
) & {
  /** The queues' key prefix, where Airlock's is another one than the default. */
  prefix?: string
  /** Told each error of the connections, which go on trying by themselves. */
  onError?: (error: Error) => void
}

/** A video that lies in the inbox. */
export interface VideoToHandOver {
  /** Any UUID, the one in the key: the id of the job, and of the upload in every route and event. */
  uploadId: string
  userId: string
  projectId: string
  /** From `inboxKey({ projectId, uploadId })`. */
  key: string
  filename: string
  /** The SHA-256 of the file's bytes, 64 hex digits in lower case; a file of which it is not the hash is rejected. */
  sha256?: string | undefined
  /** A flat object of at most 4 KiB; events and answers give it back. */
  metadata?: Record<string, string | number | boolean> | undefined
  /** `batch` when left out. */
  priority?: Priority | undefined
}

/** `waiting`: for a worker, for its turn behind others, or for its next try. */
export type HandedOverState = 'waiting' | 'active' | 'completed' | 'failed'

/** What enqueueing came to. `enqueued` is false when Redis has a job of this upload already, which was left as it is. */
export interface HandedOver {
  uploadId: string
  enqueued: boolean
  state: HandedOverState
  /** Why the job failed; it is not tried again by itself. Null unless it has. */
  failedReason: string | null
}

export interface WaitOptions {
  /** The longest wait, in ms, from 1 to a day; a quarter of an hour when left out. */
  timeoutMs?: number
  /** How often the job itself is looked at, in ms, beside what events tell: an event may be lost. 5 seconds when left out. */
  lookEveryMs?: number
}

const oneDayMs = 24 * 3600 * 1000

/**
 * Hands a video pipeline's videos to Airlock by its queue, without the gateway.
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
  readonly #connectPatiently: () => Redis
  readonly #onError: (error: Error) => void
  readonly #queues: FailFastQueues
  readonly #closed = new AbortController()
  #ends: Promise<JobEnds> | undefined

  constructor(options: AirlockProducerOptions) {
    const { prefix = queuePrefix, onError = () => {} } = options
    this.#isRedisOurs = 'redisUrl' in options
    this.#redis = 'redisUrl' in options ? failFastConnection(options.redisUrl, { onError }) : options.connection
    const timeouts = { onError, silentMs: 3 * readMs }
    this.#connectPatiently = () =>
      'redisUrl' in options ? blockingConnection(options.redisUrl, timeouts) : blockingDuplicate(options.connection, timeouts)
    this.#onError = onError
    this.#queues = new FailFastQueues({ redis: this.#redis, prefix, waitsForConnection: true, Unreachable: QueueUnreachable, onError })
  }

  /**
   * Wakes a worker for a video that lies in the inbox. Enqueued again, also after a crash, it is still one job and one asset; two calls at
   * once for one id may both say `enqueued`.
   *
   * @param options.again puts a job that has failed for good into the queue anew; without it, it stays for people to look at
   * @throws PayloadMalformed naming the field and its rule; nothing was sent
   * @throws QueueUnreachable within 1.5 s when Redis is away or silent; the job may have been added all the same
   * @throws ProducerClosed
   */
  async enqueueGeneratedVideo(video: VideoToHandOver, { again = false }: { again?: boolean } = {}): Promise<HandedOver> {
    const payload = parseGeneratedVideo(generatedVideoJob, asPayload(video))
    this.#mustBeOpen()
    return this.#queues.reachable('enqueue', () => enqueue(this.#queues.queue('videos'), payload, again))
  }

  /**
   * Waits for the end of an upload, for as long as it may take. A Redis that goes away meanwhile is waited for. All waits share one connection.
   *
   * @returns completed with its asset, rejected with the reason, or failed: parked with its bytes kept, for an operator
   * @throws JobFailed when the announcement itself was wrong: the message says what
   * @throws JobGone when Redis knows no such job: enqueue the video again and wait again
   * @throws ResultUnknown when the job ended without one
   * @throws WaitTimedOut, ProducerClosed
   * @throws RangeError for a time that is none
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
    const ends = await this.#ends?.catch(() => undefined) // one that never came to be needs no end
    ends?.close()
    await this.#queues.close()
    if (this.#isRedisOurs) this.#redis.disconnect()
  }

  /** Opened by the first wait. One that could not be opened is tried again by the next look. */
  #subscription(): Promise<JobEnds> {
    this.#ends ??= this.#subscribe().catch((error: unknown) => {
      this.#ends = undefined
      throw error
    })
    return this.#ends
  }

  async #subscribe(): Promise<JobEnds> {
    const stream = this.#queues.queue('videos').toKey('events')
    const since = await this.#queues.reachable('look at the events', () => lastEventOf(this.#redis, stream))
    this.#mustBeOpen()
    return new JobEnds({ stream, since, redis: this.#connectPatiently(), onError: this.#onError })
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

/** The wire's names. What was left out is not sent. */
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
  if (!(ms >= 1 && ms <= oneDayMs)) throw new RangeError(`${name} is ${ms}: a number of milliseconds from 1 to ${oneDayMs}, a day`)
}
