import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { KeyedMutex, KeyedSemaphore } from '../../src/index.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Work that the test ends. */
function works() {
  const started: string[] = []
  const ends = new Map<string, PromiseWithResolvers<string>>()
  const work = (name: string) => async () => {
    started.push(name)
    const end = Promise.withResolvers<string>()
    ends.set(name, end)
    return end.promise
  }
  return {
    started,
    work,
    ends: (name: string) => ends.get(name)?.resolve(name),
    fails: (name: string) => ends.get(name)?.reject(new Error(name)),
  }
}

const wait = { maxWaitMs: 10_000, makeError: () => new Error('waited for too long') }

const settled = () => vi.advanceTimersByTimeAsync(0)

test('work of one key is sequential, even after failures; work of different keys is parallel', async () => {
  const mutex = new KeyedMutex()
  const { started, work, ends, fails } = works()
  const [a, b] = [mutex.run('anna', work('a'), wait), mutex.run('anna', work('b'), wait)]
  const c = mutex.run('anna', work('c'), wait)
  const other = mutex.run('otto', work('other'), wait)
  await settled()
  expect(started).toEqual(['a', 'other'])

  ends('a')
  expect(await a).toBe('a')
  await settled()
  expect(started).toEqual(['a', 'other', 'b'])
  fails('b')
  await expect(b).rejects.toThrow('b')
  await settled()
  ends('c')
  ends('other')
  expect([await c, await other]).toEqual(['c', 'other'])
  const d = mutex.run('anna', work('d'), wait)
  await settled()
  ends('d')
  expect(await d).toBe('d')
})

test('waiting ends with an error after its maximum, and the work never runs', async () => {
  const mutex = new KeyedMutex()
  const { started, work, ends } = works()
  const first = mutex.run('anna', work('first'), wait)
  const late = mutex.run('anna', work('late'), wait).catch((error: unknown) => error)
  await vi.advanceTimersByTimeAsync(9000)
  const next = mutex.run('anna', work('next'), wait)
  await vi.advanceTimersByTimeAsync(1000)

  expect(await late).toMatchObject({ message: 'waited for too long' })
  ends('first')
  await first
  await settled()
  expect(started).toEqual(['first', 'next'])
  ends('next')
  expect(await next).toBe('next')
})

test('work starts before the call returns unless it must wait, and its own duration is not limited', async () => {
  const mutex = new KeyedMutex()
  const { started, work, ends } = works()
  const first = mutex.run('anna', work('first'), wait)
  expect(started).toEqual(['first'])
  expect(vi.getTimerCount()).toBe(0)
  await vi.advanceTimersByTimeAsync(60_000)
  ends('first')
  expect(await first).toBe('first')
})

test('a semaphore with keys limits the work of each key, and an aborted wait delays nobody', async () => {
  const semaphore = new KeyedSemaphore(2)
  const { started, work, ends, fails } = works()
  const stop = new AbortController()
  const [a, b] = [semaphore.run('anna', work('a')), semaphore.run('anna', work('b'))]
  const aborted = semaphore.run('anna', work('aborted'), stop.signal)
  const c = semaphore.run('anna', work('c'))
  const other = semaphore.run('otto', work('other'))
  expect(started).toEqual(['a', 'b', 'other'])

  stop.abort(new Error('the caller is gone'))
  await expect(aborted).rejects.toThrow('the caller is gone')
  fails('a')
  await expect(a).rejects.toThrow('a')
  await settled()
  const d = semaphore.run('anna', work('d'))
  expect(started).toEqual(['a', 'b', 'other', 'c'])
  ends('b')
  await settled()
  for (const name of ['c', 'd', 'other']) ends(name)
  expect(await Promise.all([b, c, d, other])).toEqual(['b', 'c', 'd', 'other'])
})
