import { Readable } from 'node:stream'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { FilesInFlight } from '../../src/upload/files-in-flight.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A file that arrives at a constant rate, and the error that ended it. */
function fileOf(userId: string, bytesPerSecond = 1000) {
  const began = performance.now()
  const bytes = new Readable({ read: () => {} })
  bytes.on('error', () => {})
  const file = {
    userId,
    filename: `${userId}.jpg`,
    bytes,
    arrivedBytes: () => ((performance.now() - began) * bytesPerSecond) / 1000,
    endedWith: null as Error | null,
    end: (reason: Error) => {
      file.endedWith = reason
    },
  }
  return file
}

/** Files that hold permits, and release them when they are ended. */
async function holding(permits: FilesInFlight, ...files: ReturnType<typeof fileOf>[]) {
  for (const file of files) {
    const release = await permits.take(file)
    const { end } = file
    file.end = (reason) => {
      end(reason)
      release()
    }
  }
  return files
}

test('files beyond the number of permits wait in order', async () => {
  const permits = new FilesInFlight(2)
  const [one] = [await permits.take(fileOf('a')), await permits.take(fileOf('b'))]
  const turns: string[] = []
  const waiting = ['c', 'd'].map(async (name) => {
    const release = await permits.take(fileOf(name))
    turns.push(name)
    return release
  })
  await vi.advanceTimersByTimeAsync(1000)
  expect(turns).toEqual([])
  one()
  const release = await waiting[0]
  expect(turns).toEqual(['c'])
  release?.()
  await waiting[1]
  expect(turns).toEqual(['c', 'd'])
})

test('a file that waits for five seconds is refused, and takes no permit later', async () => {
  const permits = new FilesInFlight(1)
  const release = await permits.take(fileOf('a'))
  const refused = permits.take(fileOf('b')).catch((error: unknown) => error)
  await vi.advanceTimersByTimeAsync(4800)
  const patient = permits.take(fileOf('c'))
  await vi.advanceTimersByTimeAsync(200)

  expect(await refused).toMatchObject({ code: 'overloaded', status: 503 })
  release()
  expect(await patient).toBeInstanceOf(Function)
})

test('a file whose client disconnects leaves the queue', async () => {
  const permits = new FilesInFlight(1)
  const release = await permits.take(fileOf('a'))
  const gone = fileOf('b')
  const waiting = permits.take(gone).catch((error: unknown) => error)
  gone.bytes.destroy(new Error('aborted'))
  expect(await waiting).toMatchObject({ message: 'aborted' })
  const next = permits.take(fileOf('c'))
  release()
  expect(await next).toBeInstanceOf(Function)
})

test('a small file that arrives completely before its permit is not treated as disconnected', async () => {
  const permits = new FilesInFlight(1)
  const release = await permits.take(fileOf('a'))
  const whole = fileOf('b')
  const waiting = permits.take(whole)
  whole.bytes.push(null)
  whole.bytes.resume()
  await vi.advanceTimersByTimeAsync(100)
  expect(whole.bytes.closed).toBe(true)
  release()
  expect(await waiting).toBeInstanceOf(Function)
})

test('while another user waits, the slowest upload of a user above their share is ended within a second, with a reason', async () => {
  const permits = new FilesInFlight(4)
  const files = await holding(permits, fileOf('greedy', 5000), fileOf('greedy', 10), fileOf('greedy', 9000), fileOf('modest', 1))
  await vi.advanceTimersByTimeAsync(60_000)
  expect(files.map(({ endedWith }) => endedWith)).toEqual([null, null, null, null])

  const waiting = permits.take(fileOf('new'))
  await vi.advanceTimersByTimeAsync(300)
  expect(files.map(({ endedWith }) => endedWith)).toEqual([null, null, null, null])
  await vi.advanceTimersByTimeAsync(200)

  expect(await waiting).toBeInstanceOf(Function)
  expect(files.map(({ endedWith }) => endedWith !== null)).toEqual([false, true, false, false])
  expect(files[1]?.endedWith).toMatchObject({
    code: 'upload_share_exceeded',
    status: 429,
    detail: expect.stringMatching(/'greedy\.jpg'.*4 files.*1\b/),
  })
})

test('a file that stopped after a fast start counts as slower than a steady slow one', async () => {
  const permits = new FilesInFlight(2)
  const began = performance.now()
  const stalled = fileOf('greedy')
  stalled.arrivedBytes = () => 50_000_000 * Math.min(1, (performance.now() - began) / 1000)
  const steady = fileOf('greedy', 1200)
  await holding(permits, stalled, steady)
  await vi.advanceTimersByTimeAsync(20_000)
  const waiting = permits.take(fileOf('new'))
  await vi.advanceTimersByTimeAsync(500)
  await waiting
  expect(stalled.endedWith).not.toBeNull()
  expect(steady.endedWith).toBeNull()
})

test('if a file ends in time by itself, no upload is ended', async () => {
  const permits = new FilesInFlight(2)
  const slow = fileOf('greedy', 1)
  await holding(permits, slow)
  const release = await permits.take(fileOf('greedy'))
  const waiting = permits.take(fileOf('new'))
  await vi.advanceTimersByTimeAsync(300)
  release()
  await waiting
  await vi.advanceTimersByTimeAsync(10_000)
  expect(slow.endedWith).toBeNull()
})

test('no more uploads are ended than needed by users below their share', async () => {
  const permits = new FilesInFlight(8)
  const files = await holding(permits, ...Array.from({ length: 8 }, () => fileOf('greedy')))
  const ended = () => files.filter(({ endedWith }) => endedWith !== null).length
  await vi.advanceTimersByTimeAsync(5000)
  const waiting = [permits.take(fileOf('a')), permits.take(fileOf('b'))]
  await vi.advanceTimersByTimeAsync(5000)
  await Promise.all(waiting)
  expect(ended()).toBe(2)
})

test('an eleventh user does not wait longer because ten others have all permits', async () => {
  const permits = new FilesInFlight(64)
  const users = Array.from({ length: 10 }, (_, i) => `greedy-${i}`)
  const all = users.flatMap((user) => Array.from({ length: 64 }, () => fileOf(user, 1200)))
  for (const file of all)
    void permits.take(file).then(
      (release) => {
        file.end = release
      },
      () => {}, // most files wait too long
    )
  await vi.advanceTimersByTimeAsync(4000)
  const waiting = permits.take(fileOf('new'))
  await vi.advanceTimersByTimeAsync(500)
  expect(await waiting).toBeInstanceOf(Function)
})
