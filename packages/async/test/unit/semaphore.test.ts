import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { Semaphore } from '../../src/index.ts'

test('permits limit concurrency, in the order of requests', async () => {
  const permits = new Semaphore(2)
  const log: string[] = []
  const enter = async (name: string) => {
    const leave = await permits.take()
    log.push(name)
    return leave
  }

  const leaveA = await enter('a')
  await enter('b')
  const c = enter('c')
  const d = enter('d')
  await Promise.resolve()
  expect(log).toEqual(['a', 'b'])

  leaveA()
  const leaveC = await c
  expect(log).toEqual(['a', 'b', 'c'])

  leaveC()
  await d
  expect(log).toEqual(['a', 'b', 'c', 'd'])
})

test('it states how many permits are held', async () => {
  const permits = new Semaphore(2)
  const [release] = [await permits.take(), await permits.take()]
  expect(permits.taken).toBe(2)
  release()
  expect(permits.taken).toBe(1)
})

test('a released permit can be taken again', async () => {
  const permits = new Semaphore(1)

  for (let turn = 0; turn < 3; turn++) (await permits.take())()

  await expect(permits.take()).resolves.toBeTypeOf('function')
})

test('a caller that is aborted while it waits loses its place, and nobody waits for it', async () => {
  const permits = new Semaphore(1)
  const release = await permits.take()
  const stop = new AbortController()
  const aborted = permits.take(stop.signal)
  const next = permits.take()
  stop.abort(new Error('the caller is gone'))
  await expect(aborted).rejects.toThrow('the caller is gone')
  await expect(permits.take(stop.signal)).rejects.toThrow('the caller is gone')

  release()
  ;(await next)()
  expect(permits.isIdle).toBe(true)
})

test('a permit that arrives together with the abort is not lost', async () => {
  const permits = new Semaphore(1)
  const release = await permits.take()
  const stop = new AbortController()
  const waiting = permits.take(stop.signal)
  release()
  stop.abort(new Error('too late'))

  ;(await waiting)()
  expect(permits.isIdle).toBe(true)
})

test('a released permit goes to the waiting caller, not to one that asks at the same moment', async () => {
  const permits = new Semaphore(1)
  const release = await permits.take()
  const waiting = permits.take()
  release()
  expect(permits.tryTake()).toBeNull()
  ;(await waiting)()
  expect(permits.tryTake()).toBeTypeOf('function')
})

test('a wait leaves no listener on its signal', async () => {
  const permits = new Semaphore(1)
  const { signal } = new AbortController()
  const release = await permits.take(signal)
  const waiting = permits.take(signal)
  expect(getEventListeners(signal, 'abort')).toHaveLength(1)
  release()
  await waiting
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
})
