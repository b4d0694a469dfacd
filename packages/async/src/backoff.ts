export interface Backoff {
  /** The delay after the first failure. */
  readonly firstMs: number
  /** The maximum delay. */
  readonly maxMs: number
  /** The factor from one delay to the next. Default 2. */
  readonly factor?: number
  /** The share of a delay that is random, from 0 (none) to 1 (all of it), so that many callers do not retry at the same time. Default 0.5. */
  readonly jitter?: number
}

/** Powers beyond this exceed every maximum, and must not become infinite. */
const maxExponent = 30

/**
 * The delay before the next attempt: it grows with each failure up to a maximum, and is shortened at random.
 *
 * @param failures attempts that have failed, from 1
 * @param random from 0 to 1
 * @returns ms, an integer
 * @example await sleep(backoffMs(failures, { firstMs: 100, maxMs: 10_000 }), signal)
 */
export function backoffMs(failures: number, { firstMs, maxMs, factor = 2, jitter = 0.5 }: Backoff, random = Math.random): number {
  const full = Math.min(maxMs, firstMs * factor ** Math.min(failures - 1, maxExponent))
  return Math.round(full * (1 - jitter + jitter * random()))
}
