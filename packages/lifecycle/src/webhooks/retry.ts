/** No wait is longer: an endpoint that is well again hears of everything within the hour. */
const longestMs = 3_600_000

/**
 * The wait behind a failed attempt: three times the one before, up to an hour, and anywhere in its upper half, so that a crowd of events
 * comes back spread out.
 *
 * @param attempt which one failed, from 1
 * @param random from 0 to 1
 */
export function retryInMs(attempt: number, firstMs: number, random: () => number): number {
  const full = Math.min(longestMs, firstMs * 3 ** Math.min(attempt - 1, 20))
  return Math.round(full * (0.5 + random() / 2))
}
