/** Permits whose number follows what the store can take: halved when a call took too long, and one more after so many that did not. */
export class AdaptivePermits {
  readonly #max: number
  #limit: number
  #taken = 0
  #successes = 0
  /** Grows with each halving: of the calls that were under way together, only the first failure counts. */
  #round = 0
  readonly #waiting = new Set<() => void>()

  /** @param max the number to begin with, which is never exceeded */
  constructor(max: number) {
    this.#max = max
    this.#limit = max
  }

  /** How many may go on at once now. At least 1. */
  get limit(): number {
    return this.#limit
  }

  /**
   * Waits for a permit.
   *
   * @param signal ends the waiting
   * @returns gives it back, with what came of it; call it once. `other`: what happened says nothing about the number
   * @throws the reason of the signal
   */
  async take(signal: AbortSignal): Promise<(outcome: 'in time' | 'too slow' | 'other') => void> {
    while (this.#taken >= this.#limit) await this.#change(signal)
    signal.throwIfAborted()
    this.#taken++
    const round = this.#round
    return (outcome) => {
      this.#taken--
      if (outcome === 'too slow' && round === this.#round) this.#halve()
      if (outcome === 'in time') this.#succeeded()
      for (const look of this.#waiting) look()
      this.#waiting.clear()
    }
  }

  /** Waits until a permit was given back; who waits longest looks first. */
  async #change(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.add(resolve)
    const onAbort = () => resolve()
    signal.addEventListener('abort', onAbort, { once: true })
    await promise
    signal.removeEventListener('abort', onAbort)
    this.#waiting.delete(resolve)
  }

  #halve(): void {
    this.#limit = Math.max(1, Math.floor(this.#limit / 2))
    this.#successes = 0
    this.#round++
  }

  #succeeded(): void {
    this.#successes++
    if (this.#successes < this.#limit || this.#limit === this.#max) return
    this.#limit++
    this.#successes = 0
  }
}
