import { setTimeout } from 'node:timers/promises'
import type { Redis } from 'ioredis'

/** The end of a job, as the queue's events report it. */
export type JobEnd = { status: 'completed'; returned: unknown } | { status: 'failed'; reason: string }

export interface JobEndsOptions {
  /** The stream of the queue's events, as `QueueEvents` of BullMQ reads it. */
  stream: string
  /** The id of the event after which to start. */
  since: string
  /** A connection that the subscription owns and closes. Its timeouts outlast a blocking read. */
  redis: Redis
  onError(error: Error): void
}

/** The longest duration of one blocking read, in ms. */
export const readMs = 5000

const afterErrorMs = 1000

/**
 * One subscription to a queue's events, shared by all waits for its jobs.
 *
 * It reads the stream itself: `QueueEvents` uses two connections, and can't be closed while Redis is unavailable.
 */
export class JobEnds {
  readonly #options: JobEndsOptions
  readonly #closed = new AbortController()
  readonly #listeners = new Map<string, Set<(end: JobEnd) => void>>()

  constructor(options: JobEndsOptions) {
    this.#options = options
    void this.#read(options.since)
  }

  /** @returns a function that removes the listener */
  listen(jobId: string, listener: (end: JobEnd) => void): () => void {
    const listeners = this.#listeners.get(jobId) ?? new Set()
    this.#listeners.set(jobId, listeners.add(listener))
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0) this.#listeners.delete(jobId)
    }
  }

  close(): void {
    this.#closed.abort()
    this.#options.redis.disconnect()
  }

  async #read(since: string): Promise<void> {
    const { stream, redis, onError } = this.#options
    const { signal } = this.#closed
    let last = since
    while (!signal.aborted) {
      try {
        const [[, events] = []] = (await redis.xread('COUNT', 1000, 'BLOCK', readMs, 'STREAMS', stream, last)) ?? []
        for (const [id, fields] of events ?? []) {
          last = id
          this.#notify(eventOf(fields))
        }
      } catch (error) {
        if (signal.aborted) return
        onError(error as Error)
        await setTimeout(afterErrorMs, undefined, { signal }).catch(() => {}) // closed while waiting
      }
    }
  }

  #notify({ event, jobId = '', returnvalue = 'null', failedReason = '' }: Record<string, string>): void {
    const listeners = this.#listeners.get(jobId)
    if (listeners === undefined || (event !== 'completed' && event !== 'failed')) return
    const end: JobEnd =
      event === 'completed' ? { status: event, returned: JSON.parse(returnvalue) } : { status: event, reason: failedReason }
    for (const listener of listeners) listener(end)
  }
}

/** A stream entry's fields: names and values alternate. */
function eventOf(fields: readonly string[]): Record<string, string> {
  const event: Record<string, string> = {}
  for (let at = 0; at + 1 < fields.length; at += 2) event[fields[at] ?? ''] = fields[at + 1] ?? ''
  return event
}
