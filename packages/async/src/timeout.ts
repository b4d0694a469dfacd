import { setTimeout as pause } from 'node:timers/promises'

/**
 * Resolves after `ms`, or at once when the signal fires: check the signal afterwards.
 *
 * @example while (!signal.aborted) { await poll(); await sleep(1000, signal) }
 */
export const sleep = (ms: number, signal?: AbortSignal): Promise<void> => pause(ms, undefined, { signal }).catch(() => {}) // only the signal rejects it

/** What ends a wait early. Without either, it lasts until the promise settles. */
export interface WaitLimits {
  readonly ms?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Waits for a promise, but only until the time has passed or the signal fires. The work behind the promise continues; its later error is ignored.
 *
 * @returns whether the promise resolved first
 * @throws the error of the promise, if it rejects first
 * @example if (!(await resolvesWithin(server.close(), { ms: 1000 }))) server.destroy()
 */
export function resolvesWithin(promise: Promise<unknown>, { ms, signal }: WaitLimits): Promise<boolean> {
  const { promise: outcome, resolve, reject } = Promise.withResolvers<boolean>()
  const giveUp = () => resolve(false)
  const timer = ms === undefined ? undefined : setTimeout(giveUp, ms)
  signal?.addEventListener('abort', giveUp, { once: true })
  if (signal?.aborted) giveUp()
  promise.then(() => resolve(true), reject)
  return outcome.finally(() => {
    clearTimeout(timer)
    signal?.removeEventListener('abort', giveUp)
  })
}

/**
 * The result of a promise, if it has one in time. The work behind the promise continues after a timeout; its later error is ignored.
 *
 * @param makeError the error to throw after a timeout
 * @throws the error of the promise, or `makeError()` after `ms`
 * @example await withTimeout(redis.ping(), 1000, () => new RedisUnavailable('no reply to PING within 1000 ms'))
 */
export async function withTimeout<T>(promise: Promise<T>, ms: number, makeError: () => Error): Promise<T> {
  if (!(await resolvesWithin(promise, { ms }))) throw makeError()
  return promise
}
