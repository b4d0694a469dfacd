import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { FilesInFlight } from '../../src/upload/files-in-flight.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('as many files as there are permits go at once; the others wait, and who waits longest is next', async () => {
  const permits = new FilesInFlight(2)
  const [one] = [await permits.take(), await permits.take()]
  const turns: string[] = []
  const waiting = ['first', 'second'].map(async (name) => {
    const giveBack = await permits.take()
    turns.push(name)
    return giveBack
  })
  await vi.advanceTimersByTimeAsync(1000)
  expect(turns).toEqual([])
  one()
  const giveBack = await waiting[0]
  expect(turns).toEqual(['first'])
  giveBack?.()
  await waiting[1]
  expect(turns).toEqual(['first', 'second'])
})

test('a file that waits for five seconds is refused, and takes no permit later', async () => {
  const permits = new FilesInFlight(1)
  const giveBack = await permits.take()
  const refused = permits.take().catch((error: unknown) => error)
  await vi.advanceTimersByTimeAsync(4999)
  const patient = permits.take()
  await vi.advanceTimersByTimeAsync(1)

  expect(await refused).toMatchObject({ code: 'overloaded', status: 503 })
  giveBack()
  expect(await patient).toBeInstanceOf(Function)
})
