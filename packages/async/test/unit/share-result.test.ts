import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { shareResult } from '../../src/index.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A query whose calls are counted, and resolved by the test. */
function question() {
  const askings: PromiseWithResolvers<number>[] = []
  const ask = shareResult(
    () => {
      const asking = Promise.withResolvers<number>()
      askings.push(asking)
      return asking.promise
    },
    { keepMs: 1000 },
  )
  return { ask, askings }
}

test('concurrent callers share one request', async () => {
  const { ask, askings } = question()
  const all = Promise.all(Array.from({ length: 100 }, ask))
  await vi.advanceTimersByTimeAsync(60_000)
  expect(askings).toHaveLength(1)
  askings[0]?.resolve(7)
  expect(new Set(await all)).toEqual(new Set([7]))
})

test('a result is shared until it expires, counted from its arrival', async () => {
  const { ask, askings } = question()
  const first = ask()
  await vi.advanceTimersByTimeAsync(5000)
  askings[0]?.resolve(1)
  await first
  await vi.advanceTimersByTimeAsync(999)
  expect(await ask()).toBe(1)
  await vi.advanceTimersByTimeAsync(1)
  const second = ask()
  askings[1]?.resolve(2)
  expect(await second).toBe(2)
})

test('a failure is shared too, for the same time', async () => {
  const { ask, askings } = question()
  const failed = Promise.allSettled([ask(), ask()])
  askings[0]?.reject(new Error('no'))
  expect(await failed).toMatchObject([{ reason: { message: 'no' } }, { reason: { message: 'no' } }])
  await vi.advanceTimersByTimeAsync(1000)
  void ask()
  expect(askings).toHaveLength(2)
})
