import type { IncomingMessage } from 'node:http'
import { AirlockError } from '@airlock/domain'

export interface BodyTimeoutLimits {
  /** Maximum duration of the request, in seconds. */
  maxSeconds: number
  /** Maximum time without data, in seconds. */
  idleSeconds: number
  /** Minimum rate over a minute, in bytes per second. */
  minBytesPerSecond: number
}

/** The window over which the rate is measured, in ms. */
const rateWindowMs = 60_000

/**
 * Limits the total time, the idle time and the minimum rate of a request body.
 *
 * Only time in which we wait for data counts: a body that we do not read, because the store is slow, is neither idle nor slow.
 */
export class BodyTimeouts {
  /** Rejects with `request_timeout`, `request_stalled` or `request_too_slow` at a timeout, and never resolves. */
  readonly expired: Promise<never>
  readonly #limits: BodyTimeoutLimits
  readonly #body: IncomingMessage
  readonly #timers: NodeJS.Timeout[]
  readonly #stop: (reason: AirlockError) => void
  #lastByteAt = performance.now()
  #windowFrom = performance.now()
  #windowBytes = 0

  constructor(body: IncomingMessage, limits: BodyTimeoutLimits) {
    const { promise, reject } = Promise.withResolvers<never>()
    promise.catch(() => {}) // the reader of the next part gets the error; there may be none right now
    this.expired = promise
    this.#stop = reject
    this.#limits = limits
    this.#body = body
    body.on('data', this.#onData)
    const total = setTimeout(() => reject(new AirlockError('request_timeout', { seconds: limits.maxSeconds })), limits.maxSeconds * 1000)
    this.#timers = [total, setInterval(() => this.#check(), (limits.idleSeconds * 1000) / 4)]
  }

  end(): void {
    for (const timer of this.#timers) clearInterval(timer)
    this.#body.off('data', this.#onData)
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#lastByteAt = performance.now()
    this.#windowBytes += chunk.byteLength
  }

  #check(): void {
    const now = performance.now()
    if (this.#body.isPaused() || this.#body.readableEnded) {
      this.#lastByteAt = now
      this.#newWindow(now)
      return
    }
    const { idleSeconds, minBytesPerSecond } = this.#limits
    if (now - this.#lastByteAt > idleSeconds * 1000) this.#stop(new AirlockError('request_stalled', { seconds: idleSeconds }))
    const windowMs = now - this.#windowFrom
    if (windowMs < rateWindowMs) return
    if (this.#windowBytes < (minBytesPerSecond * windowMs) / 1000) this.#stop(new AirlockError('request_too_slow', { minBytesPerSecond }))
    this.#newWindow(now)
  }

  #newWindow(from: number): void {
    this.#windowFrom = from
    this.#windowBytes = 0
  }
}
