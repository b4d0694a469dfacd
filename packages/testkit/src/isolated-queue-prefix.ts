import { randomUUID } from 'node:crypto'
import { withRedis } from '@airlock/dev-servers'
import { givenStack } from './test-stack.ts'

export interface IsolatedQueuePrefix {
  /** In braces, so that all its keys are on one node of a cluster. */
  readonly prefix: string
  readonly redisUrl: string
  /** Removes every key with the prefix, and no others. */
  drop(): Promise<void>
}

/** Creates a key prefix for the caller on the Redis of this run, or on a private server. */
export function isolatedQueuePrefix(redisUrl = givenStack().redis.url, prefix = `{airlock-test-${randomUUID()}}`): IsolatedQueuePrefix {
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
