import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { BodyTimeouts } from '../../src/upload/body-timeouts.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval', 'performance'] }))
afterEach(() => void vi.useRealTimers())

const limits = { maxSeconds: 3600, idleSeconds: 30, minBytesPerSecond: 1024 }

/** A body whose arrival the test controls. */
function watched(bodyTimeoutLimits = limits) {
  const body = new PassThrough()
  const bodyTimeouts = new BodyTimeouts(body as unknown as IncomingMessage, bodyTimeoutLimits)
  const over = { code: 'none' }
  bodyTimeouts.expired.catch(({ code }) => {
    over.code = code
  })
  /** Sends one piece a second. */
  const arrives = async (bytesPerSecond: number, seconds: number) => {
    for (let second = 0; second < seconds; second += 1) {
      if (bytesPerSecond > 0) body.write(Buffer.alloc(bytesPerSecond))
      await vi.advanceTimersByTimeAsync(1000)
    }
  }
  return { body, bodyTimeouts, over, arrives }
}

test('a body below the minimum rate for a minute is too slow, even if it is steady', async () => {
  const { over, arrives } = watched()
  await arrives(1000, 58)
  expect(over.code).toBe('none')
  await arrives(1000, 10)
  expect(over.code).toBe('request_too_slow')
})

test('a body at the minimum rate is fast enough, even with a pause', async () => {
  const { over, arrives, bodyTimeouts } = watched()
  await arrives(1100, 120)
  await arrives(0, 20)
  await arrives(3000, 60)
  expect(over.code).toBe('none')
  bodyTimeouts.end()
})

test('a body that stops is stalled', async () => {
  const { over, arrives } = watched()
  await arrives(100_000, 5)
  await arrives(0, 29)
  expect(over.code).toBe('none')
  await arrives(0, 9)
  expect(over.code).toBe('request_stalled')
})

test('a body that we pause ourselves is neither stalled nor too slow', async () => {
  const { body, over, arrives } = watched()
  await arrives(100_000, 5)
  body.pause()
  await vi.advanceTimersByTimeAsync(600_000)
  expect(over.code).toBe('none')
  body.resume()
  await arrives(2000, 70)
  expect(over.code).toBe('none')
})

test('a request has a maximum duration, whatever its rate', async () => {
  const { over, arrives } = watched({ ...limits, maxSeconds: 100 })
  await arrives(100_000, 99)
  expect(over.code).toBe('none')
  await arrives(100_000, 2)
  expect(over.code).toBe('request_timeout')
})
