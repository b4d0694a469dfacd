import type { Redis } from 'ioredis'
import { expect, test, vi } from 'vitest'
import { presignCache } from '../../src/presign-cache.ts'

const hourMs = 3_600_000
const wish = { expiresInSeconds: 3600, disposition: undefined }

/** A cache over a store that numbers its URLs; they live as long as asked, or `liveMs`. */
function cache({ liveMs = hourMs, status = 'ready', get }: { liveMs?: number; status?: string; get?: () => Promise<string | null> } = {}) {
  const kept = new Map<string, { text: string; ms: number }>()
  let signed = 0
  const redis = {
    status,
    get: get ?? (async (key: string) => kept.get(key)?.text ?? null),
    set: async (key: string, text: string, _px: string, ms: number) => void kept.set(key, { text, ms }),
  } as unknown as Redis
  const presigned = presignCache({
    store: { presign: async () => ({ url: `https://s3/${++signed}`, expiresAt: new Date(Date.now() + liveMs) }) },
    redis,
    keyPrefix: 'airlock',
    throughRedis: (ask) => ask(),
    log: { debug: () => {} },
  })
  return { kept, ask: async () => (await presigned.presign('brand-images/a.png', wish)).url }
}

test('a URL is given out again, for five minutes', async () => {
  const { kept, ask } = cache()
  expect([await ask(), await ask()]).toEqual(['https://s3/1', 'https://s3/1'])
  expect([...kept.values()].map(({ ms }) => ms)).toEqual([300_000])
})

test('a URL that ends much sooner than was asked is not kept', async () => {
  const { kept, ask } = cache({ liveMs: hourMs - 301_000 })
  expect([await ask(), await ask()]).toEqual(['https://s3/1', 'https://s3/2'])
  expect(kept.size).toBe(0)
})

test('a URL that has ended is not given out', async () => {
  const get = async () => JSON.stringify({ url: 'https://s3/old', expiresAt: Date.now() - 1 })
  expect(await cache({ get }).ask()).toBe('https://s3/1')
})

test.for(['{', '7', '"a"', '{"url":7,"expiresAt":1}', '{"url":"https://s3/x"}', '{"url":"https://s3/x","expiresAt":"soon"}', 'null'])(
  'what somebody else wrote there is not given out: %s',
  async (text) => {
    expect(await cache({ get: async () => text }).ask()).toBe('https://s3/1')
  },
)

test('a Redis that is away or fails costs the cache and nothing else', async () => {
  const get = vi.fn(async () => null)
  expect(await cache({ status: 'reconnecting', get }).ask()).toBe('https://s3/1')
  expect(get).not.toHaveBeenCalled()
  expect(await cache({ get: () => Promise.reject(new Error('Command timed out')) }).ask()).toBe('https://s3/1')
})
