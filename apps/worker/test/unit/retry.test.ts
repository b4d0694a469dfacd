import { retryAfterMs } from '@airlock/lifecycle'
import fc from 'fast-check'
import { expect, test } from 'vitest'

const policy = fc
  .record({
    baseMs: fc.integer({ min: 1, max: 600_000 }),
    capMs: fc.integer({ min: 1, max: 86_400_000 }),
  })
  .filter(({ baseMs, capMs }) => baseMs <= capMs)
const random = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })

test('a delay is an integer in ms, at most the cap, and at least half of the full delay', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), policy, random, (attemptsMade, retry, chance) => {
      const ms = retryAfterMs(attemptsMade, retry, () => chance)
      const full = Math.min(retry.capMs, retry.baseMs * 2 ** Math.min(attemptsMade - 1, 30))
      expect(Number.isInteger(ms)).toBe(true)
      expect(ms).toBeLessThanOrEqual(retry.capMs)
      expect(ms).toBeGreaterThanOrEqual(Math.floor(full / 2))
    }),
    { seed: 20261124, numRuns: 1000 },
  )
})

test('delays double up to the cap', () => {
  const retry = { baseMs: 1000, capMs: 10_000 }
  expect([1, 2, 3, 4, 5, 100].map((attemptsMade) => retryAfterMs(attemptsMade, retry, () => 1))).toEqual([
    1000, 2000, 4000, 8000, 10_000, 10_000,
  ])
})

test('the delays of many jobs are spread over the upper half', () => {
  const retry = { baseMs: 1000, capMs: 10_000 }
  expect([0, 0.25, 0.5, 0.75, 1].map((chance) => retryAfterMs(3, retry, () => chance))).toEqual([2000, 2500, 3000, 3500, 4000])
})
