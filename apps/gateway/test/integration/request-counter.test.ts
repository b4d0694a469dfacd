import { failFastConnection } from '@airlock/queue'
import { givenStack, isolatedQueuePrefix, waitFor } from '@airlock/testkit'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { RequestCounter, type RequestCounterOptions } from '../../src/plugins/request-counter.ts'

const redis = failFastConnection(givenStack().redis.url, { onError: () => {} })
beforeAll(() => waitFor(async () => redis.status === 'ready', { timeoutMs: 5000, what: 'Redis' }))
afterAll(() => redis.disconnect())

/** The counter of one gateway, with the number of its calls to Redis. */
function counting(options: Pick<RequestCounterOptions, 'perMinute' | 'prefix'> & Partial<RequestCounterOptions>) {
  const counter = new RequestCounter({ redis, ...options })
  const calls = { redis: 0 }
  const ask = async (key = 'user:ada') => {
    const reserved = counter.countReserved(key)
    if (reserved !== null) return reserved
    calls.redis += 1
    return counter.count(key)
  }
  return { ask, calls }
}

const prefixOf = () => `${isolatedQueuePrefix().prefix}:requests:`

test('one gateway allows exactly the limit, with few calls to Redis', { meta: { id: 'request-limit-reserved' } }, async () => {
  const { ask, calls } = counting({ perMinute: 1000, prefix: prefixOf() })
  const remaining = []
  for (let n = 1; n <= 1000; n++) {
    const counted = await ask()
    expect(counted).toMatchObject({ isExceeded: false })
    remaining.push(counted.remaining)
  }
  expect(remaining).toEqual(Array.from({ length: 1000 }, (_, n) => 999 - n))
  expect(calls.redis).toBeLessThan(350)
  expect(await ask()).toMatchObject({ isExceeded: true, remaining: 0 })
})

test('several gateways together never allow more than the limit, and almost all of it', async () => {
  const prefix = prefixOf()
  const gateways = Array.from({ length: 4 }, () => counting({ perMinute: 1000, prefix }))
  let allowed = 0
  for (let n = 0; n < 1200; n++) {
    const turn = await Promise.all(gateways.map(({ ask }) => ask()))
    allowed += turn.filter(({ isExceeded }) => !isExceeded).length
  }
  expect(allowed).toBeLessThanOrEqual(1000)
  expect(allowed).toBeGreaterThanOrEqual(960)
})

test('requests at once are counted as one after the other', async () => {
  const { ask } = counting({ perMinute: 500, prefix: prefixOf() })
  const counted = await Promise.all(Array.from({ length: 700 }, () => ask()))
  expect(counted.filter(({ isExceeded }) => !isExceeded).length).toBeLessThanOrEqual(500)
})

test('what is reserved ends with its minute', async () => {
  const prefix = prefixOf()
  const { ask, calls } = counting({ perMinute: 6000, prefix })
  await ask()
  await redis.pexpire(`${prefix}user:ada`, 300)
  await ask()
  await ask()
  expect(calls.redis).toBe(2)
  await expect.poll(() => redis.exists(`${prefix}user:ada`)).toBe(0)

  // the gateway learned the end of the minute from a response, so its reservation ends a little later
  await expect.poll(() => ask()).toMatchObject({ remaining: 5999, seconds: 60 })
  expect(calls.redis).toBe(3)
})

test('a minute that has just begun ends in 60 s', async () => {
  const { ask } = counting({ perMinute: 6000, prefix: prefixOf() })
  const now = vi.spyOn(performance, 'now').mockReturnValue(9028.807471)
  // in floating point: (9028.807471 + 60,000) - 9028.807471 > 60,000
  expect(await ask()).toMatchObject({ seconds: 60 })
  now.mockRestore()
})

test('many addresses use bounded memory, and take nothing from others', async () => {
  const { ask, calls } = counting({ perMinute: 6000, prefix: prefixOf(), maxReserved: 1 })
  await ask('user:ada')
  await ask('user:ada')
  for (let n = 0; n < 5; n++) await ask('address:203.0.113.7')
  expect(calls.redis).toBe(7)
  expect(await ask('user:ada')).toMatchObject({ remaining: 5997 })
  expect(await ask('address:203.0.113.7')).toMatchObject({ remaining: 5994 })
  expect(calls.redis).toBe(8)
})
