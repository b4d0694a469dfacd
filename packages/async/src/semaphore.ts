/**
 * A number of permits, for which callers wait in the order of their calls.
 *
 * @example
 * const permits = new Semaphore(4)
 * const release = await permits.take(signal)
 * try { await work() } finally { release() }
 */
export class Semaphore {
  readonly #permits: number
  #free: number
  readonly #waiting = new Set<() => void>()

  constructor(permits: number) {
    this.#permits = permits
    this.#free = permits
  }

  /** How many permits are held. */
  get taken(): number {
    return this.#permits - this.#free
  }

  /** Whether nobody holds a permit or waits for one. */
  get isIdle(): boolean {
    return this.#free === this.#permits
  }

  /**
   * Takes a permit if one is free.
   *
   * @returns a function that releases the permit; call it once. `null` if none is free
   */
  tryTake(): (() => void) | null {
    if (this.#free === 0) return null
    this.#free--
    return () => this.#release()
  }

  /**
   * Waits for a permit.
   *
   * @param signal aborts the wait; its reason is thrown
   * @returns a function that releases the permit; call it once
   */
  async take(signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted()
    const release = this.tryTake()
    if (release !== null) return release
    await this.#turn(signal)
    return () => this.#release()
  }

  /** Resolves when the permit of another caller has passed to this one. */
  async #turn(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const leave = () => {
      this.#waiting.delete(resolve)
      reject(signal?.reason)
    }
    this.#waiting.add(resolve)
    signal?.addEventListener('abort', leave, { once: true })
    await promise.finally(() => signal?.removeEventListener('abort', leave))
  }

  /** Passes the permit on directly, so that no later caller can take it first. */
  #release(): void {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#free++
      return
    }
    this.#waiting.delete(next)
    next()
  }
}
