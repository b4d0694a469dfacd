import type { Log } from '@airlock/domain'
import type { FileCounter } from '@airlock/lifecycle'
import type { Redis } from 'ioredis'

/** How long Redis is skipped after a failure, in ms: an unresponsive one would cost every file the full command timeout. */
const skipMs = 5000

/** How long a refusal is repeated without asking Postgres, in ms. Room that is freed meanwhile is noticed afterwards. */
const rememberedMs = 1000

/**
 * Repeats a refusal by Postgres for a second, on all gateways: a user who goes on sending costs one statement per second. It counts nothing, so
 * it cannot refuse for longer than Postgres would. While Redis is unavailable it refuses nothing, and Postgres is asked each time.
 */
export function redisFileCounter(redis: Redis, { keyPrefix = 'airlock', log }: { keyPrefix?: string; log: Log }): FileCounter {
  const keyOf = (userId: string) => `${keyPrefix}:files-refused:{${userId}}`
  let skipUntil = 0
  const orElse = async <T>(fallback: T, ask: () => Promise<T>): Promise<T> => {
    if (redis.status !== 'ready' || performance.now() < skipUntil) return fallback
    try {
      return await ask()
    } catch (err) {
      skipUntil = performance.now() + skipMs
      log.warn({ err }, 'file counter unreachable, only Postgres counts')
      return fallback
    }
  }
  return {
    secondsUntilRoom: (userId) =>
      orElse(0, async () => {
        const seconds = Number(await redis.get(keyOf(userId)))
        return Number.isFinite(seconds) && seconds > 0 ? seconds : 0
      }),
    refused: (userId, retryAfterSeconds) =>
      orElse(undefined, async () => {
        // Seconds are rounded up, so one second may already have passed.
        if (retryAfterSeconds > 1) await redis.set(keyOf(userId), retryAfterSeconds, 'PX', rememberedMs)
      }),
    givenBack: (userId) => orElse(undefined, async () => void (await redis.del(keyOf(userId)))),
  }
}
