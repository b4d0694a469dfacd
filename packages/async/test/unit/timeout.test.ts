import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { resolvesWithin, sleep, withTimeout } from '../../src/index.ts'

const never = new Promise<never>(() => {})
const tooLate = () => new Error('too late')

/** Rejections that nobody handles; Vitest would report them without naming the test. */
const unhandled: unknown[] = []
const note = (reason: unknown) => void unhandled.push(reason)
let others: NodeJS.UnhandledRejectionListener[] = []

beforeEach(() => {
  others = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection').on('unhandledRejection', note)
})
afterEach(async () => {
  vi.useRealTimers()
  await new Promise((resolve) => setImmediate(resolve))
  process.removeAllListeners('unhandledRejection')
  for (const other of others) process.on('unhandledRejection', other)
  expect(unhandled.splice(0)).toEqual([])
})

test('a promise that settles in time gives its result or error, and the timer is gone', async () => {
  vi.useFakeTimers()
  expect(await withTimeout(Promise.resolve(7), 1000, tooLate)).toBe(7)
  await expect(withTimeout(Promise.reject(new Error('refused')), 1000, tooLate)).rejects.toThrow('refused')
  expect(vi.getTimerCount()).toBe(0)
})

test('after a timeout the given error is thrown, and a later rejection is ignored', async () => {
  vi.useFakeTimers()
  const work = Promise.withResolvers<number>()
  const outcome = withTimeout(work.promise, 1000, tooLate).catch((error: unknown) => error)
  await vi.advanceTimersByTimeAsync(1000)
  expect(await outcome).toMatchObject({ message: 'too late' })
  work.reject(new Error('failed after all'))
})

test('a wait ends with the promise, the time or the signal, whichever comes first', async () => {
  vi.useFakeTimers()
  const stop = new AbortController()
  const outcomes = [
    resolvesWithin(Promise.resolve(), { ms: 1000, signal: stop.signal }),
    resolvesWithin(never, { ms: 1000 }),
    resolvesWithin(never, { ms: 60_000, signal: stop.signal }),
  ]
  await vi.advanceTimersByTimeAsync(1000)
  stop.abort()
  expect(await Promise.all(outcomes)).toEqual([true, false, false])
  expect(await resolvesWithin(never, { signal: stop.signal })).toBe(false)
  expect(vi.getTimerCount()).toBe(0)
})

test('a wait leaves no listener on its signal', async () => {
  const { signal } = new AbortController()
  const work = Promise.withResolvers<void>()
  const outcome = resolvesWithin(work.promise, { signal })
  expect(getEventListeners(signal, 'abort')).toHaveLength(1)
  work.resolve()
  await outcome
  await sleep(1, signal)
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
})

test('a sleep ends when its signal fires, without an error', async () => {
  const stop = new AbortController()
  const slept = sleep(60_000, stop.signal)
  stop.abort(new Error('stopping'))
  await slept
  await sleep(60_000, stop.signal)
})
