import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import { givenStack } from './test-stack.ts'

export interface IsolatedQueuePrefix {
  /** Stands in braces, so that all keys of it lie on one node of a cluster. */
  readonly prefix: string
  readonly redisUrl: string
  /** Removes every key that begins with the prefix, and no other. */
  drop(): Promise<void>
}

/** Makes a key prefix of the caller's own on this run's Redis, or on a private server's. */
export function isolatedQueuePrefix(redisUrl = givenStack().redis.url, prefix = `{airlock-test-${randomUUID()}}`): IsolatedQueuePrefix {
  return { prefix, redisUrl, drop: () => removeKeys(redisUrl, `${prefix}*`) }
}

async function removeKeys(url: string, pattern: string): Promise<void> {
  const redis = new Redis(url, { connectTimeout: 5_000, commandTimeout: 10_000, maxRetriesPerRequest: 1 })
  redis.on('error', () => {}) // the failure of a call says it
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
