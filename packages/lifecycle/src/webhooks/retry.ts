/** No wait is longer: an endpoint that is well again hears of everything within the hour. */
const longestMs = 3_600_000

export interface RetryWish {
  /** Which one failed, from 1. */
  readonly attempt: number
  readonly firstMs: number
  /** The endpoint wants to be left alone for so long. */
  readonly askedForMs: number
}

/**
 * The wait behind a failed attempt: three times the one before, up to an hour, and anywhere in its upper half, so that a crowd of events
 * comes back spread out. Longer when the endpoint asks for it, but never than that hour.
 *
 * @param random from 0 to 1
 */
export function retryInMs({ attempt, firstMs, askedForMs }: RetryWish, random: () => number): number {
  const full = Math.min(longestMs, firstMs * 3 ** Math.min(attempt - 1, 20))
  return Math.min(longestMs, Math.max(askedForMs, Math.round(full * (0.5 + random() / 2))))
}
