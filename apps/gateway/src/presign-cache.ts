import type { ObjectStore, PresignOptions } from '@airlock/storage'
import type { Redis } from 'ioredis'

type PresignedUrl = Awaited<ReturnType<ObjectStore['presign']>>

export interface PresignCacheDeps {
  store: Pick<ObjectStore, 'presign'>
  redis: Redis
  /** Before the keys of the cache. */
  keyPrefix: string
  /** @throws when Redis is away, at once where that is known */
  throughRedis<T>(ask: () => Promise<T>): Promise<T>
  log: { debug(fields: object, message: string): void }
}

/** How long a URL is given out again. */
const cacheMs = 5 * 60_000

/**
 * Presigns, and gives a URL out again for five minutes to whoever asks for the same object, time and disposition: a browser that asks often
 * can use what it has downloaded. Who may have it is decided before, at every request, and not here.
 *
 * A URL keeps the end that it was signed with, and says so. One that ends much sooner than was asked (temporary credentials) is not kept:
 * the next one may live longer. While Redis is away each URL is a new one.
 */
export const presignCache = (deps: PresignCacheDeps): Pick<ObjectStore, 'presign'> => ({
  async presign(objectKey, options) {
    const key = cacheKey(objectKey, options, deps)
    const known = await read(key, deps)
    if (known !== null && known.expiresAt > new Date()) return known
    const fresh = await deps.store.presign(objectKey, options)
    if (fresh.expiresAt.getTime() - Date.now() >= options.expiresInSeconds * 1000 - cacheMs) void keep(key, fresh, deps)
    return fresh
  },
})

/** The file's name is not in it: an object never changes it. */
const cacheKey = (objectKey: string, { expiresInSeconds, disposition }: PresignOptions, { keyPrefix }: PresignCacheDeps): string =>
  `${keyPrefix}:presigned:${expiresInSeconds}:${disposition ?? ''}:${objectKey}`

async function read(key: string, { redis, throughRedis, log }: PresignCacheDeps): Promise<PresignedUrl | null> {
  if (redis.status !== 'ready') return null
  try {
    return asPresigned(await throughRedis(() => redis.get(key)))
  } catch (err) {
    log.debug({ err }, 'no URL from the cache')
    return null
  }
}

async function keep(key: string, { url, expiresAt }: PresignedUrl, { redis, throughRedis, log }: PresignCacheDeps): Promise<void> {
  if (redis.status !== 'ready') return
  const ms = Math.min(cacheMs, expiresAt.getTime() - Date.now())
  if (ms < 1) return
  const text = JSON.stringify({ url, expiresAt: expiresAt.getTime() })
  await throughRedis(() => redis.set(key, text, 'PX', ms)).catch((err: unknown) => log.debug({ err }, 'URL not cached'))
}

/** @throws SyntaxError, TypeError when somebody else wrote it */
function asPresigned(text: string | null): PresignedUrl | null {
  if (text === null) return null
  const { url, expiresAt } = JSON.parse(text)
  if (typeof url !== 'string' || !Number.isSafeInteger(expiresAt)) throw new TypeError('what stands in the cache is no presigned URL')
  return { url, expiresAt: new Date(expiresAt) }
}
