import type { FileCounter, Log } from '@airlock/lifecycle'
import type { Redis } from 'ioredis'

const hourMs = 3_600_000

/** After a failure Redis is left alone for so long, in ms: a silent one would cost every file its whole command timeout. */
const restMs = 5000

/**
 * The files of a user's last hour in a sorted set of upload ids, scored by their time. While Redis is away it knows nothing and refuses
 * nobody: Postgres decides.
 */
export function redisFileCounter(redis: Redis, { keyPrefix = 'airlock', log }: { keyPrefix?: string; log: Log }): FileCounter {
  const keyOf = (userId: string) => `${keyPrefix}:files:{${userId}}`
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
    secondsUntilRoom: (userId, filesPerHour) =>
      orElse(0, async () => {
        const now = Date.now()
        const sent = await redis.zcount(keyOf(userId), now - hourMs, '+inf')
        if (sent < filesPerHour) return 0
        const [, oldest] = await redis.zrange(keyOf(userId), now - hourMs, '+inf', 'BYSCORE', 'LIMIT', sent - filesPerHour, 1, 'WITHSCORES')
        return Math.max(1, Math.ceil((Number(oldest ?? now) + hourMs - now) / 1000))
      }),
    add: (userId, uploadId) =>
      orElse(undefined, async () => {
        const key = keyOf(userId)
        const now = Date.now()
        await redis
          .multi()
          .zadd(key, now, uploadId)
          .zremrangebyscore(key, '-inf', now - hourMs)
          .pexpire(key, hourMs)
          .exec()
      }),
    remove: (userId, uploadId) => orElse(undefined, async () => void (await redis.zrem(keyOf(userId), uploadId))),
  }
}
