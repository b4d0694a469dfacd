import { setTimeout } from 'node:timers/promises'
import { Queue } from 'bullmq'
import type { Redis } from 'ioredis'
import { commandTimeoutMs } from './connection.ts'
import { type QueueLane, queueNames } from './names.ts'

export interface ImpatientQueuesOptions {
  /** Theirs who opened it: it is not closed here. */
  redis: Redis
  /** The queues' key prefix. */
  prefix: string
  /** Whether a call waits for a connection that is still coming, for as long as any call may take; else it fails at once. */
  waitsForConnection: boolean
  /** What is thrown when Redis is away or silent. */
  Unreachable: new (
    message: string,
    options?: ErrorOptions,
  ) => Error
  onError(error: Error): void
}

/** The queues for those who must not wait: every call ends within 1.5 s, whatever Redis does. */
export class FailFastQueues {
  readonly #options: ImpatientQueuesOptions
  readonly #queues = new Map<QueueLane, Queue>()
  #ready: Promise<void> | undefined

  constructor(options: ImpatientQueuesOptions) {
    this.#options = options
  }

  /** BullMQ asks Redis for its version once a queue. A queue whose answer got lost would refuse every job for good, so it is made anew. */
  queue(lane: QueueLane): Queue {
    const open = this.#queues.get(lane)
    if (open !== undefined) return open
    const { redis, prefix, onError } = this.#options
    const queue = new Queue(queueNames[lane], { connection: redis, prefix })
    queue.on('error', onError)
    this.#queues.set(lane, queue)
    queue.waitUntilReady().catch(() => {
      this.#queues.delete(lane)
      queue.close().catch(onError)
    })
    return queue
  }

  /**
   * Bounds a call: BullMQ waits for ever for a connection that never was, and ioredis for one that went silent.
   *
   * @param what the call does, for the error
   */
  async reachable<T>(what: string, call: () => Promise<T>): Promise<T> {
    const { redis, waitsForConnection, Unreachable } = this.#options
    if (redis.status !== 'ready' && !waitsForConnection) throw new Unreachable(`can't ${what}: Redis is ${redis.status}`)
    const answered = new AbortController()
    const late = setTimeout(commandTimeoutMs, undefined, { signal: answered.signal }).then(() => {
      throw new Unreachable(
        `can't ${what}: ${redis.status === 'ready' ? 'no answer' : `no connection (${redis.status})`} in ${commandTimeoutMs} ms`,
      )
    })
    late.catch(() => {}) // once answered, its end is of no interest
    try {
      return await Promise.race([this.#connected(answered.signal).then(call), late])
    } catch (cause) {
      if (cause instanceof Unreachable) throw cause
      throw new Unreachable(`can't ${what}`, { cause })
    } finally {
      answered.abort()
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()))
  }

  /** @throws the signal's reason when the call was given up first, so that nothing is sent that nobody waits for */
  async #connected(signal: AbortSignal): Promise<void> {
    const { redis, onError } = this.#options
    if (redis.status === 'ready') return
    if (redis.status === 'wait') redis.connect().catch(onError)
    // one listener for all who wait: there may be thousands
    this.#ready ??= new Promise<void>((resolve) => redis.once('ready', resolve)).then(() => {
      this.#ready = undefined
    })
    await this.#ready
    signal.throwIfAborted()
  }
}
