import { resolvesWithin } from '@airlock/async'
import type { EventPage, EventQuery, Events, FeedListenOptions, Listening } from '@airlock/database'

export interface EventFeedDeps {
  events: Pick<Events, 'after'>
  /** One connection for the whole process, however many requests wait. */
  listen(handlers: Pick<FeedListenOptions, 'onMore' | 'onReady' | 'onLost'>): Listening
  /** How often the feed is polled for all waiters, in ms: rarely while the connection holds, since notifications arrive on it. */
  pollEveryMs: { listening: number; lost: number }
}

/**
 * Serves pages of the event feed to any number of waiters. Waiters subscribe first and then read, so no event is missed. In case a
 * notification is lost, the feed is also polled for all waiters; those at the same position share one statement.
 */
export class EventFeed {
  readonly #deps: EventFeedDeps
  readonly #listening: Listening
  readonly #draining = new AbortController()
  readonly #waiters = new Set<() => void>()
  /** Statements started since the last notification: waiters at the same position share one. */
  #round = new Map<string, Promise<EventPage>>()
  #connected = false
  #timer: NodeJS.Timeout | undefined

  constructor(deps: EventFeedDeps) {
    this.#deps = deps
    this.#listening = deps.listen({
      onMore: () => this.#notify(),
      onReady: () => {
        this.#connected = true
        this.#notify()
      },
      onLost: () => {
        this.#connected = false
        this.#notify()
        if (this.#waiters.size > 0) this.#schedulePoll()
      },
    })
  }

  /**
   * The events after a position, as soon as there are any.
   *
   * @param check rejects when the feed cannot continue at that position; called before any wait
   * @param signal ends the wait
   * @returns a page without events when the signal fires first, or when this process drains
   */
  async page(query: EventQuery, check: (first: EventPage) => Promise<void>, signal: AbortSignal): Promise<EventPage> {
    const ended = AbortSignal.any([signal, this.#draining.signal])
    let notified = Promise.withResolvers<void>()
    const leave = this.#enter(() => notified.resolve())
    try {
      let page = await this.#deps.events.after(query)
      await check(page)
      for (;;) {
        if (page.events.length > 0 || ended.aborted) return page
        const after = page.next.position
        if (after < page.last) {
          page = await this.#deps.events.after({ ...query, after })
          continue
        }
        await resolvesWithin(notified.promise, { signal: ended })
        if (ended.aborted) return page
        notified = Promise.withResolvers<void>()
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

  /** @returns a function that removes the waiter */
  #enter(onNotify: () => void): () => void {
    this.#waiters.add(onNotify)
    if (this.#timer === undefined) this.#schedulePoll()
    return () => {
      this.#waiters.delete(onNotify)
      if (this.#waiters.size > 0) return
      clearTimeout(this.#timer)
      this.#timer = undefined
    }
  }

  #schedulePoll(): void {
    clearTimeout(this.#timer)
    const { listening, lost } = this.#deps.pollEveryMs
    this.#timer = setTimeout(
      () => {
        this.#notify()
        this.#schedulePoll()
      },
      this.#connected ? listening : lost,
    )
  }

  #notify(): void {
    this.#round = new Map()
    for (const onNotify of this.#waiters) onNotify()
  }

  /** The result of a statement that any waiter started after the last notification, so that it includes every notified event. */
  #inRound(query: EventQuery): Promise<EventPage> {
    const key = JSON.stringify([query.after, query.limit, query.types])
    const round = this.#round
    const known = round.get(key)
    if (known !== undefined) return known
    const page = this.#deps.events.after(query).finally(() => round.delete(key))
    round.set(key, page)
    return page
  }
}
