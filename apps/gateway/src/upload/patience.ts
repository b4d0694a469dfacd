import type { IncomingMessage } from 'node:http'
import { AirlockError } from '@airlock/domain'

export interface PatienceLimits {
  /** The longest request, in seconds. */
  maxSeconds: number
  /** The longest silence, in seconds. */
  idleSeconds: number
}

/**
 * Watches a request body arrive, and says stop when it takes too long or falls silent.
 *
 * A body that we ourselves hold back (the store is slow) is not silent: only a stream that wants data and gets none counts.
 */
export class Patience {
  /** Rejects with `request_timeout` when patience is over, and never resolves. */
  readonly over: Promise<never>
  readonly #timers: NodeJS.Timeout[]
  readonly #onData: () => void
  readonly #body: IncomingMessage
  #lastByteAt = performance.now()

  constructor(body: IncomingMessage, { maxSeconds, idleSeconds }: PatienceLimits) {
    const { promise, reject } = Promise.withResolvers<never>()
    promise.catch(() => {}) // whoever waits for a part hears of it; nobody may be waiting right now
    this.over = promise
    this.#body = body
    this.#onData = () => {
      this.#lastByteAt = performance.now()
    }
    body.on('data', this.#onData)
    const total = setTimeout(() => reject(new AirlockError('request_timeout', { seconds: maxSeconds })), maxSeconds * 1000)
    const look = setInterval(() => this.#lookForSilence(idleSeconds, reject), (idleSeconds * 1000) / 4)
    this.#timers = [total, look]
  }

  end(): void {
    for (const timer of this.#timers) clearInterval(timer)
    this.#body.off('data', this.#onData)
  }

  #lookForSilence(idleSeconds: number, reject: (reason: Error) => void): void {
    if (this.#body.isPaused() || this.#body.readableEnded) {
      this.#lastByteAt = performance.now()
      return
    }
    if (performance.now() - this.#lastByteAt > idleSeconds * 1000) reject(new AirlockError('request_stalled', { seconds: idleSeconds }))
  }
}
