import fc from 'fast-check'
import { expect, test } from 'vitest'
import { backoffMs } from '../../src/index.ts'

const policy = fc
  .record({
    firstMs: fc.integer({ min: 1, max: 600_000 }),
    maxMs: fc.integer({ min: 1, max: 86_400_000 }),
  })
  .filter(({ firstMs, maxMs }) => firstMs <= maxMs)
const random = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })

test('a delay is an integer in ms, at most the cap, and at least half of the full delay', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), policy, random, (failures, backoff, chance) => {
      const ms = backoffMs(failures, backoff, () => chance)
      const full = Math.min(backoff.maxMs, backoff.firstMs * 2 ** Math.min(failures - 1, 30))
      expect(Number.isInteger(ms)).toBe(true)
      expect(ms).toBeLessThanOrEqual(backoff.maxMs)
      expect(ms).toBeGreaterThanOrEqual(Math.floor(full / 2))
    }),
    { seed: 20261124, numRuns: 1000 },
  )
})

test('delays double up to the cap', () => {
  const backoff = { firstMs: 1000, maxMs: 10_000 }
  expect([1, 2, 3, 4, 5, 100].map((failures) => backoffMs(failures, backoff, () => 1))).toEqual([1000, 2000, 4000, 8000, 10_000, 10_000])
})

test('the delays of many jobs are spread over the upper half', () => {
  const backoff = { firstMs: 1000, maxMs: 10_000 }
  expect([0, 0.25, 0.5, 0.75, 1].map((chance) => backoffMs(3, backoff, () => chance))).toEqual([2000, 2500, 3000, 3500, 4000])
})

test('the factor and the share of jitter can be chosen', () => {
  const delays = (backoff: { factor?: number; jitter?: number }, random: number) =>
    [1, 2, 3, 4].map((failures) => backoffMs(failures, { firstMs: 100, maxMs: 1000, ...backoff }, () => random))
  expect(delays({ factor: 3, jitter: 0 }, 0)).toEqual([100, 300, 900, 1000])
  expect(delays({ jitter: 1 }, 0)).toEqual([0, 0, 0, 0])
  expect(delays({ jitter: 1 }, 0.5)).toEqual([50, 100, 200, 400])
})

test('a backoff without delays stays without delays', () => {
  expect(backoffMs(5000, { firstMs: 0, maxMs: 0 })).toBe(0)
})
