import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { renewLease } from '../../src/index.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('a lease is renewed after each third of its duration, until it is stopped', async () => {
  const renew = vi.fn(async () => {})
  const stop = renewLease({ leaseMs: 30_000, renew, onFailure: () => {} })
  await vi.advanceTimersByTimeAsync(9_999)
  expect(renew).toHaveBeenCalledTimes(0)
  await vi.advanceTimersByTimeAsync(20_001)
  expect(renew).toHaveBeenCalledTimes(3)

  stop()
  expect(vi.getTimerCount()).toBe(0)
})

test('a renewal that fails is reported, and the next one is made', async () => {
  const errors: unknown[] = []
  const down = new Error('the database is unavailable')
  const renew = vi.fn(async () => {}).mockRejectedValueOnce(down)
  const stop = renewLease({ leaseMs: 3_000, renew, onFailure: (error) => errors.push(error) })
  await vi.advanceTimersByTimeAsync(2_000)
  stop()

  expect(errors).toEqual([down])
  expect(renew).toHaveBeenCalledTimes(2)
})
