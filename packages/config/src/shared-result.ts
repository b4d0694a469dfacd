/**
 * Lets many ask the same question at the cost of one: at most one asking is under way, and whoever asks meanwhile, or within `keepMs` after
 * it ended, gets its result.
 *
 * @param ask asks; what it throws is shared like a result
 * @param options.keepMs how long a result is given out again, in ms
 * @example const metrics = sharedResult(() => registry.metrics(), { keepMs: 1000 })
 */
export function sharedResult<T>(ask: () => Promise<T>, { keepMs }: { keepMs: number }): () => Promise<T> {
  let asked: Promise<T> | null = null
  const forgetLater = (): void => {
    setTimeout(() => {
      asked = null
    }, keepMs).unref()
  }
  return () => {
    if (asked !== null) return asked
    asked = ask()
    asked.then(forgetLater, forgetLater)
    return asked
  }
}
