import { resolvesWithin } from '@airlock/async'

/** Permits whose limit adapts to the store: it is halved when a call timed out, and increased by one after as many calls as the limit in time. */
export class AdaptivePermits {
  readonly #max: number
  #limit: number
  #taken = 0
  #successes = 0
  /** Increases with each halving, so that of concurrent calls only the first timeout counts. */
  #round = 0
  readonly #waiting = new Set<() => void>()

  /** @param max the initial limit and the maximum */
  constructor(max: number) {
    this.#max = max
    this.#limit = max
  }

  /** The current limit of concurrent calls. At least 1. */
  get limit(): number {
    return this.#limit
  }

  /**
   * Waits for a permit.
   *
   * @param signal aborts the wait
   * @returns a function that releases the permit with the outcome of the call; call it once. `other`: the outcome does not affect the limit
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
      for (const wake of this.#waiting) wake()
      this.#waiting.clear()
    }
  }

  /** Waits until a permit is released; the longest waiter checks first. */
  async #change(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.add(resolve)
    await resolvesWithin(promise, { signal })
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
