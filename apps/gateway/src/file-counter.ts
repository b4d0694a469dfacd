import type { FileCounter, Log } from '@airlock/lifecycle'
import type { Redis } from 'ioredis'

/** After a failure Redis is left alone for so long, in ms: a silent one would cost every file its whole command timeout. */
const restMs = 5000

/** How long a refusal is repeated without Postgres, in ms. Whatever makes room meanwhile is seen after that. */
const rememberedMs = 1000

/**
 * Repeats a refusal of Postgres for a second, on all gateways: a user who goes on sending costs one statement a second. It counts nothing, so that
 * it can't refuse for longer than Postgres would. While Redis is unavailable it refuses nobody, and Postgres is asked each time.
 */
export function redisFileCounter(redis: Redis, { keyPrefix = 'airlock', log }: { keyPrefix?: string; log: Log }): FileCounter {
  const keyOf = (userId: string) => `${keyPrefix}:files-refused:{${userId}}`
  let restsUntil = 0
  const orElse = async <T>(fallback: T, ask: () => Promise<T>): Promise<T> => {
    if (redis.status !== 'ready' || performance.now() < restsUntil) return fallback
    try {
      return await ask()
    } catch (err) {
      restsUntil = performance.now() + restMs
      log.warn({ err }, 'file counter out of reach, Postgres counts alone')
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
        // Seconds are rounded up: one second may be over at once.
        if (retryAfterSeconds > 1) await redis.set(keyOf(userId), retryAfterSeconds, 'PX', rememberedMs)
      }),
    givenBack: (userId) => orElse(undefined, async () => void (await redis.del(keyOf(userId)))),
  }
}
