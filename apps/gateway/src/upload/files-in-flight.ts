import { AirlockError } from '@airlock/domain'

/** How long a file waits for a permit while its socket is held back, in ms. */
const longestWaitMs = 5000

/**
 * Permits for files on their way to the store: they bound the memory of a process, however many clients connect. First come, first served.
 */
export class FilesInFlight {
  readonly #waiting: (() => void)[] = []
  readonly #max: number
  #taken = 0

  constructor(max: number) {
    this.#max = max
  }

  /**
   * Takes a permit, waiting up to 5 s for one.
   *
   * @returns gives the permit back
   * @throws AirlockError `overloaded`
   */
  async take(): Promise<() => void> {
    if (this.#taken < this.#max) this.#taken += 1
    else await this.#turn()
    return () => this.#giveBack()
  }

  /** A permit that comes back goes straight to whoever waits longest. */
  #giveBack(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#taken -= 1
    else next()
  }

  #turn(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const come = () => {
      clearTimeout(timer)
      resolve()
    }
    const timer = setTimeout(() => {
      this.#waiting.splice(this.#waiting.indexOf(come), 1)
      reject(new AirlockError('overloaded', {}))
    }, longestWaitMs)
    this.#waiting.push(come)
    return promise
  }
}
