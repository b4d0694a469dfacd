import { Semaphore } from './semaphore.ts'

/**
 * Limits how many pieces of work with the same key run at once. Others wait in the order of their calls.
 *
 * @example await inspectionsOfUser.run(userId, () => inspect(file), signal)
 */
export class KeyedSemaphore {
  readonly #permits: number
  readonly #semaphores = new Map<string, Semaphore>()

  /** @param permits for each key */
  constructor(permits: number) {
    this.#permits = permits
  }

  /**
   * Runs `work`. If a permit is free, it starts before this returns.
   *
   * @param signal aborts the wait, not the work; its reason is thrown
   */
  async run<T>(key: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const semaphore = this.#semaphores.get(key) ?? new Semaphore(this.#permits)
    const release = semaphore.tryTake() ?? (await semaphore.take(signal))
    this.#semaphores.set(key, semaphore)
    try {
      return await work()
    } finally {
      release()
      if (semaphore.isIdle) this.#semaphores.delete(key)
    }
  }
}

export interface MutexWait {
  readonly maxWaitMs: number
  /** The error to throw when the wait takes longer. */
  makeError(): Error
}

/**
 * Runs pieces of work with the same key one after the other, in the order of their calls.
 *
 * @example await mutex.run(userId, () => register(file), { maxWaitMs: 10_000, makeError: () => new Overloaded() })
 */
export class KeyedMutex {
  readonly #semaphore = new KeyedSemaphore(1)

  /**
   * Runs `work`. If no other work with its key is running, it starts before this returns.
   *
   * @throws `makeError()` when `work` can't start in time; then it never runs
   */
  run<T>(key: string, work: () => Promise<T>, { maxWaitMs, makeError }: MutexWait): Promise<T> {
    const tooLate = new AbortController()
    const timer = setTimeout(() => tooLate.abort(makeError()), maxWaitMs)
    const start = () => {
      clearTimeout(timer)
      return work()
    }
    return this.#semaphore.run(key, start, tooLate.signal)
  }
}
