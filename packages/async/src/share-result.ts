/**
 * Shares the result of one call between all callers: at most one call runs at a time, and callers that arrive while it runs, or within `keepMs`
 * after it ended, get its result.
 *
 * @param ask makes the call; an error is shared like a result
 * @param options.keepMs how long a result is reused
 * @example const metrics = shareResult(() => registry.metrics(), { keepMs: 1000 })
 */
export function shareResult<T>(ask: () => Promise<T>, { keepMs }: { keepMs: number }): () => Promise<T> {
  let current: Promise<T> | null = null
  const forgetLater = (): void => {
    setTimeout(() => {
      current = null
    }, keepMs).unref()
  }
  return () => {
    if (current !== null) return current
    current = ask()
    current.then(forgetLater, forgetLater)
    return current
  }
}
