import type { IncomingMessage } from 'node:http'
import { AirlockError } from '@airlock/domain'

export interface BodyTimeoutLimits {
  /** The longest request, in seconds. */
  maxSeconds: number
  /** The longest silence, in seconds. */
  idleSeconds: number
  /** The slowest pace over a minute, in bytes per second. */
  minBytesPerSecond: number
}

/** How long a body may be slower than the slowest pace, in ms. */
const paceWindowMs = 60_000

/**
 * Watches a request body arrive, and says stop when it takes too long, falls silent, or crawls.
 *
 * A body that we ourselves hold back (the store is slow) is neither silent nor slow: only a stream that wants data and gets none counts.
 */
export class BodyTimeouts {
  /** Rejects with `request_timeout`, `request_stalled` or `request_too_slow` when patience is over, and never resolves. */
  readonly over: Promise<never>
  readonly #limits: BodyTimeoutLimits
  readonly #body: IncomingMessage
  readonly #timers: NodeJS.Timeout[]
  readonly #stop: (reason: AirlockError) => void
  #lastByteAt = performance.now()
  #windowFrom = performance.now()
  #windowBytes = 0

  constructor(body: IncomingMessage, limits: BodyTimeoutLimits) {
    const { promise, reject } = Promise.withResolvers<never>()
    promise.catch(() => {}) // whoever waits for a part hears of it; nobody may be waiting right now
    this.over = promise
    this.#stop = reject
    this.#limits = limits
    this.#body = body
    body.on('data', this.#onData)
    const total = setTimeout(() => reject(new AirlockError('request_timeout', { seconds: limits.maxSeconds })), limits.maxSeconds * 1000)
    this.#timers = [total, setInterval(() => this.#look(), (limits.idleSeconds * 1000) / 4)]
  }

  end(): void {
    for (const timer of this.#timers) clearInterval(timer)
    this.#body.off('data', this.#onData)
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#lastByteAt = performance.now()
    this.#windowBytes += chunk.byteLength
  }

  #look(): void {
    const now = performance.now()
    if (this.#body.isPaused() || this.#body.readableEnded) {
      this.#lastByteAt = now
      this.#newWindow(now)
      return
    }
    const { idleSeconds, minBytesPerSecond } = this.#limits
    if (now - this.#lastByteAt > idleSeconds * 1000) this.#stop(new AirlockError('request_stalled', { seconds: idleSeconds }))
    const windowMs = now - this.#windowFrom
    if (windowMs < paceWindowMs) return
    if (this.#windowBytes < (minBytesPerSecond * windowMs) / 1000) this.#stop(new AirlockError('request_too_slow', { minBytesPerSecond }))
    this.#newWindow(now)
  }

  #newWindow(from: number): void {
    this.#windowFrom = from
    this.#windowBytes = 0
  }
}
