import { AirlockError } from '@airlock/domain'

/** How long a piece of work waits for its turn, in ms. */
const longestWaitMs = 10_000

/**
 * Lets pieces of work with the same key go one after the other in this process. The database would make them wait for one lock, and each
 * waiting one would hold a connection: a hundred files of one user would take the whole pool, and everybody else would wait behind them.
 */
export class KeyedMutex {
  readonly #last = new Map<string, Promise<void>>()

  /** @throws AirlockError `overloaded` when its turn has not come in 10 s: then `work` does not run, not even later */
  take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const run = () => work().then(resolve, reject)
    const before = this.#last.get(key)
    // with nobody before it, it runs now: whoever closes the database next waits for it
    const turn = (before === undefined ? run() : inTime(before, run, reject)).then(() => {
      if (this.#last.get(key) === turn) this.#last.delete(key)
    })
    this.#last.set(key, turn)
    return promise
  }
}

/** Runs behind another, or gives up and never runs. */
function inTime(before: Promise<void>, run: () => Promise<void>, giveUp: (error: Error) => void): Promise<void> {
  let waits = true
  const timer = setTimeout(() => {
    waits = false
    giveUp(new AirlockError('overloaded', {}))
  }, longestWaitMs)
  return before.then(() => {
    clearTimeout(timer)
    return waits ? run() : undefined
  })
}
