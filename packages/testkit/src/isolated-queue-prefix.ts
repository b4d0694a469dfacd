import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
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

async function removeKeys(url: string, pattern: string): Promise<void> {
  const redis = new Redis(url, { connectTimeout: 5_000, commandTimeout: 10_000, maxRetriesPerRequest: 1 })
  redis.on('error', () => {}) // the failed call reports it
  try {
    let cursor = '0'
    do {
      const [next, keys] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', 1_000)
      if (keys.length > 0) await redis.unlink(...keys)
      cursor = next
    } while (cursor !== '0')
  } finally {
    redis.disconnect()
  }
}
