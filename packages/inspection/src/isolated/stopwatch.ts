/** Runs out after so much time in which it was not held. */
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

  /** Time does not count until it runs again. */
  hold(): void {
    if (!this.#timer) return
    clearTimeout(this.#timer)
    this.#timer = null
    this.#leftMs = Math.max(0, this.#leftMs - (performance.now() - this.#startedAt))
  }

  /** All the time again. */
  restart(): void {
    this.hold()
    this.#leftMs = this.#limitMs
    this.run()
  }

  /** For good: it never runs out any more. */
  end(): void {
    this.hold()
    this.#ended = true
  }
}
