import { randomUUID } from 'node:crypto'
import { withRedis } from '@airlock/dev-servers'
import { givenStack } from './test-stack.ts'

/**
 * Creates a key prefix for the caller on the Redis of this run, or on a private server. It is in braces, so that all its keys are on one node of a cluster.
 * `drop` removes every key with the prefix, and no others.
 */
export function isolatedQueuePrefix(redisUrl = givenStack().redis.url, prefix = `{airlock-test-${randomUUID()}}`) {
  return { prefix, redisUrl, drop: () => removeKeys(redisUrl, `${prefix}*`) }
}

const removeKeys = (url: string, pattern: string): Promise<void> =>
  withRedis(
    url,
    async (redis) => {
      for await (const keys of redis.scanStream({ match: pattern, count: 1_000 })) if (keys.length > 0) await redis.unlink(...keys)
    },
    10_000,
  )
