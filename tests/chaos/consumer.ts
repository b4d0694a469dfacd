import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { call, reasonIn, tokenFor } from '@airlock/testkit/http'
import type { Run } from './cluster.ts'
import { type Random, randomFrom } from './random.ts'

/** An event of the feed, as far as it is checked. */
export interface FeedEvent {
  readonly type: string
  readonly data: { readonly event_id: string; readonly upload_id: string; readonly sequence: number; readonly user_id: string }
}

/** Failed responses after which the feed counts as unreadable. */
const tries = 20

/** A consumer of the feed that uses any gateway and one cursor, and repeats failed requests. */
export class Consumer {
  readonly #options: Omit<Run, 'samplePool'>
  readonly #random: Random
  #after: string | null = null
  readonly received: FeedEvent[] = []

  constructor(options: Omit<Run, 'samplePool'>) {
    this.#options = options
    this.#random = randomFrom(options.seed, 'consumer')
  }

  /** The cursor; empty before the first response. */
  get cursor(): string {
    return this.#after ?? ''
  }

  /** Reads while faults happen. */
  async run(until: AbortSignal): Promise<void> {
    while (!until.aborted) {
      const count = await this.#read({ wait: 2, limit: this.#random.between(1, 20) }, until)
      if (count === null) await wait(100)
    }
  }

  /** Reads to the end of the feed. @returns all events */
  async finish(): Promise<readonly FeedEvent[]> {
    for (let attempt = 1; attempt <= tries; ) {
      const count = await this.#read({ wait: 0, limit: 1000 })
      if (count === 0) return this.received
      if (count === null) await wait(200 * attempt++)
    }
    throw new Error(`the feed could not be read to its end: ${this.received.length} events so far`)
  }

  /** @returns the number of events; null without a response */
  async #read({ wait, limit }: { wait: number; limit: number }, signal?: AbortSignal): Promise<number | null> {
    const { cluster, history } = this.#options
    const query = new URLSearchParams({ wait: String(wait), limit: String(limit), ...(this.#after !== null && { after: this.#after }) })
    const token = tokenFor(randomUUID(), cluster.jwtSecret, { scope: 'service' })
    const answer = await call(`${this.#random.pick(cluster.gateways)}/api/events?${query}`, { token, signal })
    if (answer.status !== 200) {
      // a 4xx would be our mistake, and shows as missing events
      history.add({ event: 'failed', what: 'GET /api/events', why: reasonIn(answer) })
      return null
    }
    const { events, next } = answer.body as { events: FeedEvent[]; next: string }
    this.received.push(...events)
    this.#after = next
    return events.length
  }
}
