import { AirlockError } from '@airlock/domain'

/** How long a piece of work waits for the mutex, in ms. */
const longestWaitMs = 10_000

/**
 * Runs pieces of work with the same key one after the other in this process. In the database they would wait for one lock, each one with a
 * connection: a hundred files of one user would occupy the whole pool, and all other users would wait.
 */
export class KeyedMutex {
  readonly #last = new Map<string, Promise<void>>()

  /** @throws AirlockError `overloaded` when `work` can't start within 10 s; it does not run later either */
  take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const run = () => work().then(resolve, reject)
    const before = this.#last.get(key)
    // without a predecessor it starts now, so that closing the database waits for it
    const done = (before === undefined ? run() : inTime(before, run, reject)).then(() => {
      if (this.#last.get(key) === done) this.#last.delete(key)
    })
    this.#last.set(key, done)
    return promise
  }
}

/** Runs after another piece of work, or gives up and never runs. */
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
