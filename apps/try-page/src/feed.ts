import { AirlockError, type Event } from '@airlock/client'
import type { Session } from './session.ts'
import { store, stored, Value } from './value.ts'

/** Events that are shown and kept. */
const keptEvents = 40

const waitSeconds = 20
const retryMs = 2000

interface Kept {
  readonly next: string
  readonly events: readonly Event[]
}

const storedName = 'airlock-events'

/** The events of the user, newest first, as they arrive. Only while the page is visible: each tab would hold one of the few connections of the browser. */
export class Feed {
  readonly events: Value<readonly Event[]>
  readonly #session: Session
  readonly #onEvent: (event: Event) => void
  #next: string
  #reading: AbortController | null = null

  constructor(session: Session, onEvent: (event: Event) => void) {
    const kept = stored<Kept>(storedName, { next: 'latest', events: [] })
    this.events = new Value(kept.events)
    this.#next = kept.next
    this.#session = session
    this.#onEvent = onEvent
  }

  start(): void {
    const toggle = () => {
      const isHidden = document.visibilityState === 'hidden'
      if (isHidden) this.#reading?.abort()
      else void this.#read()
    }
    document.addEventListener('visibilitychange', toggle)
    toggle()
  }

  async #read(): Promise<void> {
    this.#reading?.abort()
    const reading = new AbortController()
    this.#reading = reading
    for (let refresh = false; !reading.signal.aborted; ) {
      try {
        const token = await this.#session.token({ refresh })
        const { events, next } = await pageAfter(this.#next, token, reading.signal)
        refresh = false
        this.#next = next
        if (events.length > 0) this.events.set([...events.toReversed(), ...this.events.get()].slice(0, keptEvents))
        store(storedName, { next, events: this.events.get() } satisfies Kept)
        for (const event of events) this.#onEvent(event)
      } catch (error) {
        const code = error instanceof AirlockError ? error.code : ''
        refresh = code.startsWith('token_')
        // the database is another one since the last visit
        if (code === 'cursor_gone' || code === 'cursor_malformed') this.#next = 'latest'
        else if (!reading.signal.aborted) await new Promise((resolve) => setTimeout(resolve, retryMs))
      }
    }
  }
}

/** @throws AirlockError for an answer of the gateway; another error without one */
async function pageAfter(after: string, token: string, signal: AbortSignal): Promise<Kept> {
  const wait = after === 'latest' ? 0 : waitSeconds
  const response = await fetch(`/try/events?${new URLSearchParams({ after, wait: String(wait) })}`, {
    headers: { authorization: `Bearer ${token}` },
    signal,
  })
  const body = await response.json()
  if (!response.ok) throw new AirlockError({ code: String(body.code), detail: String(body.detail), status: response.status })
  return body as Kept
}
