import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { KeyedMutex } from '../../src/keyed-mutex.ts'

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

const settled = () => vi.advanceTimersByTimeAsync(0)

test('work of one key is sequential, even after failures; work of different keys is parallel', async () => {
  const turns = new KeyedMutex()
  const { started, work, ends, fails } = works()
  const [a, b] = [turns.take('anna', work('a')), turns.take('anna', work('b'))]
  const c = turns.take('anna', work('c'))
  const other = turns.take('otto', work('other'))
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
  const d = turns.take('anna', work('d'))
  await settled()
  ends('d')
  expect(await d).toBe('d')
})

test('waiting ends with an error after ten seconds, and the work never runs', async () => {
  const turns = new KeyedMutex()
  const { started, work, ends } = works()
  const first = turns.take('anna', work('first'))
  const late = turns.take('anna', work('late')).catch((error: unknown) => error)
  await vi.advanceTimersByTimeAsync(9000)
  const next = turns.take('anna', work('next'))
  await vi.advanceTimersByTimeAsync(1000)

  expect(await late).toMatchObject({ code: 'overloaded' })
  ends('first')
  await first
  await settled()
  expect(started).toEqual(['first', 'next'])
  ends('next')
  expect(await next).toBe('next')
})
