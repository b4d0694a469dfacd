import type { EventPage, EventQuery, Events, FeedListenOptions, Listening } from '@airlock/database'
import { firstOf } from './move-feed.ts'

export interface EventFeedDeps {
  events: Pick<Events, 'after'>
  /** One connection for the whole process, however many wait. */
  listen(handlers: Pick<FeedListenOptions, 'onMore' | 'onReady' | 'onLost'>): Listening
  /** How often is looked for all who wait, in ms: seldom while the connection holds, since it tells what came. */
  lookEveryMs: { listening: number; lost: number }
}

/**
 * Gives out what happened, to as many as wait for it. Waiters subscribe first and then read, so no event is missed. As a net below the
 * connection that tells, all who wait look now and then; those at the same place with one statement.
 */
export class EventFeed {
  readonly #deps: EventFeedDeps
  readonly #listening: Listening
  readonly #draining = new AbortController()
  readonly #waiters = new Set<() => void>()
  /** What is being asked since the last ring: those who wait at the same place share one statement. */
  #round = new Map<string, Promise<EventPage>>()
  #connected = false
  #timer: NodeJS.Timeout | undefined

  constructor(deps: EventFeedDeps) {
    this.#deps = deps
    this.#listening = deps.listen({
      onMore: () => this.#ring(),
      onReady: () => {
        this.#connected = true
        this.#ring()
      },
      onLost: () => {
        this.#connected = false
        this.#ring()
        if (this.#waiters.size > 0) this.#lookLater()
      },
    })
  }

  /**
   * The events behind a place, as soon as there are any.
   *
   * @param check rejects when the feed can't go on at that place; it is asked before any waiting
   * @param signal ends the waiting
   * @returns a page without events when the signal fires first, or this process wants no more waiters
   */
  async page(query: EventQuery, check: (first: EventPage) => Promise<void>, signal: AbortSignal): Promise<EventPage> {
    const over = AbortSignal.any([signal, this.#draining.signal])
    let rung = Promise.withResolvers<void>()
    const leave = this.#enter(() => rung.resolve())
    try {
      let page = await this.#deps.events.after(query)
      await check(page)
      for (;;) {
        if (page.events.length > 0 || over.aborted) return page
        const after = page.next.position
        if (after < page.last) {
          page = await this.#deps.events.after({ ...query, after })
          continue
        }
        await firstOf(rung.promise, over)
        if (over.aborted) return page
        rung = Promise.withResolvers<void>()
        page = await this.#inRound({ ...query, after })
      }
    } finally {
      leave()
    }
  }

  drain(): void {
    this.#draining.abort()
  }

  async close(): Promise<void> {
    this.drain()
    await this.#listening.close()
  }

  /** @returns leaves again */
  #enter(onRing: () => void): () => void {
    this.#waiters.add(onRing)
    if (this.#timer === undefined) this.#lookLater()
    return () => {
      this.#waiters.delete(onRing)
      if (this.#waiters.size > 0) return
      clearTimeout(this.#timer)
      this.#timer = undefined
    }
  }

  #lookLater(): void {
    clearTimeout(this.#timer)
    const { listening, lost } = this.#deps.lookEveryMs
    this.#timer = setTimeout(
      () => {
        this.#ring()
        this.#lookLater()
      },
      this.#connected ? listening : lost,
    )
  }

  #ring(): void {
    this.#round = new Map()
    for (const onRing of this.#waiters) onRing()
  }

  /** Begun after the last ring, whoever asked for it: nothing that was told is missing in it. */
  #inRound(query: EventQuery): Promise<EventPage> {
    const key = JSON.stringify([query.after, query.limit, query.types])
    const round = this.#round
    const known = round.get(key)
    if (known !== undefined) return known
    const asked = this.#deps.events.after(query).finally(() => round.delete(key))
    round.set(key, asked)
    return asked
  }
}
