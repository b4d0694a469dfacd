import type { FileCounter } from '@airlock/lifecycle'

/** How long a refusal is repeated without asking Postgres, in ms. Room that is freed meanwhile is noticed afterwards. */
const rememberedMs = 1000

/** How many users are remembered; the oldest are forgotten. */
const maxUsers = 10_000

interface Refusal {
  readonly until: number
  readonly retryAfterSeconds: number
}

/**
 * Repeats a refusal by Postgres for a second: a user who goes on sending costs one statement per second and gateway. It counts nothing, so it
 * cannot refuse for longer than Postgres would.
 */
export function recentRefusals(): FileCounter {
  const refusals = new Map<string, Refusal>()
  return {
    secondsUntilRoom: async (userId) => {
      const refusal = refusals.get(userId)
      if (refusal === undefined) return 0
      if (performance.now() < refusal.until) return refusal.retryAfterSeconds
      refusals.delete(userId)
      return 0
    },
    refused: async (userId, retryAfterSeconds) => {
      // Seconds are rounded up, so one second may already have passed.
      if (retryAfterSeconds <= 1) return
      refusals.set(userId, { until: performance.now() + rememberedMs, retryAfterSeconds })
      if (refusals.size > maxUsers) refusals.delete(refusals.keys().next().value ?? '')
    },
    givenBack: async (userId) => void refusals.delete(userId),
  }
}
