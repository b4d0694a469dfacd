import { Queue, type Telemetry } from 'bullmq'
import type { Redis } from 'ioredis'
import { commandTimeoutMs } from './connection.ts'
import { type QueueLane, queueNames } from './names.ts'

export interface FailFastQueuesOptions {
  /** Owned by the caller; not closed here. */
  redis: Redis
  /** The queues' key prefix. */
  prefix: string
  /** Whether a call waits for a connection that is not ready, within the time limit of a call; otherwise it fails at once. */
  waitsForConnection: boolean
  /** The error to throw when Redis is unavailable or does not respond. */
  Unreachable: new (
    message: string,
    options?: ErrorOptions,
  ) => Error
  onError(error: Error): void
  /** Makes enqueueing a span, and gives jobs its context. */
  telemetry?: Telemetry | undefined
}

/** Queues for callers that must not wait: every call ends within 1.5 s, whatever Redis does. */
export class FailFastQueues {
  readonly #options: FailFastQueuesOptions
  readonly #queues = new Map<QueueLane, Queue>()
  #ready: Promise<void> | undefined

  constructor(options: FailFastQueuesOptions) {
    this.#options = options
  }

  /** BullMQ asks Redis for its version once per queue. If that answer is lost, the queue refuses every job from then on, so it is replaced. */
  queue(lane: QueueLane): Queue {
    const open = this.#queues.get(lane)
    if (open !== undefined) return open
    const { redis, prefix, onError, telemetry } = this.#options
    const queue = new Queue(queueNames[lane], { connection: redis, prefix, ...(telemetry && { telemetry }) })
    queue.on('error', onError)
    this.#queues.set(lane, queue)
    queue.waitUntilReady().catch(() => {
      this.#queues.delete(lane)
      queue.close().catch(onError)
    })
    return queue
  }

  /**
   * Bounds the time of a call: BullMQ waits forever for a connection that was never made, and ioredis for one that stops responding.
   *
   * @param what what the call does, for the error message
   */
  async reachable<T>(what: string, call: () => Promise<T>): Promise<T> {
    const { redis, waitsForConnection, Unreachable } = this.#options
    if (redis.status !== 'ready' && !waitsForConnection) throw new Unreachable(`can't ${what}: Redis is ${redis.status}`)
    const { promise: late, reject } = Promise.withResolvers<never>()
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      const problem = redis.status === 'ready' ? 'no answer' : `no connection (${redis.status})`
      reject(new Unreachable(`can't ${what}: ${problem} in ${commandTimeoutMs} ms`))
    }, commandTimeoutMs)
    // a call that connects too late must not send anything
    const callInTime = (): Promise<T> => (isLate ? late : call())
    try {
      return await Promise.race([this.#connected().then(callInTime), late])
    } catch (cause) {
      if (cause instanceof Unreachable) throw cause
      throw new Unreachable(`can't ${what}`, { cause })
    } finally {
      clearTimeout(timer)
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()))
  }

  async #connected(): Promise<void> {
    const { redis, onError } = this.#options
    if (redis.status === 'ready') return
    if (redis.status === 'wait') redis.connect().catch(onError)
    // one listener for all waiting calls: there may be thousands
    this.#ready ??= new Promise<void>((resolve) => redis.once('ready', resolve)).then(() => {
      this.#ready = undefined
    })
    await this.#ready
  }
}
