/** Calls `onTimeout` after it has run for a limited time. Paused time does not count. */
export class Stopwatch {
  readonly #onTimeout: () => void
  readonly #limitMs: number
  #leftMs: number
  #startedAt = 0
  #timer: NodeJS.Timeout | null = null
  #ended = false

  constructor(limitMs: number, onTimeout: () => void) {
    this.#limitMs = limitMs
    this.#leftMs = limitMs
    this.#onTimeout = onTimeout
  }

  run(): void {
    if (this.#timer || this.#ended) return
    this.#startedAt = performance.now()
    this.#timer = setTimeout(this.#onTimeout, this.#leftMs)
  }

  /** Stops the time until `run` is called again. */
  pause(): void {
    if (!this.#timer) return
    clearTimeout(this.#timer)
    this.#timer = null
    this.#leftMs = Math.max(0, this.#leftMs - (performance.now() - this.#startedAt))
  }

  /** Starts again with the full time. */
  restart(): void {
    this.pause()
    this.#leftMs = this.#limitMs
    this.run()
  }

  /** Stops it permanently. */
  end(): void {
    this.pause()
    this.#ended = true
  }
}
