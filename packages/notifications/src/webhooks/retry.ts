/** The longest wait: a recovered endpoint gets everything within an hour. */
const longestMs = 3_600_000

export interface RetryWish {
  /** The number of the failed attempt, from 1. */
  readonly attempt: number
  readonly firstMs: number
  /** The wait that the endpoint asked for. */
  readonly askedForMs: number
}

/**
 * The wait after a failed attempt: three times the previous one, up to an hour, with jitter in its upper half, so that many events are spread out.
 * Longer if the endpoint asks for it, but at most an hour.
 *
 * @param random from 0 to 1
 */
export function retryInMs({ attempt, firstMs, askedForMs }: RetryWish, random: () => number): number {
  const full = Math.min(longestMs, firstMs * 3 ** Math.min(attempt - 1, 20))
  return Math.min(longestMs, Math.max(askedForMs, Math.round(full * (0.5 + random() / 2))))
}
