import type { SweepDeps, SweepReport } from '@airlock/lifecycle'
import { expect, test, vi } from 'vitest'
import { SweepTimer } from '../../src/sweep-timer.ts'
import { RecordedLog } from '../recorded-log.ts'

const options = {
  everySeconds: 0.01,
  ringAfterSeconds: 60,
  receivingForSeconds: 3600,
  callSeconds: 30,
  restSeconds: 3600,
  maxRemovals: 1000,
  unusedAssetDays: 90,
  graceDays: 7,
  uploadRecordDays: 30,
  leaseSeconds: 60,
}
const nothing = { uploads: [], next: null }

/** A record in which nothing stands still; what looks for waiting uploads is the test's. */
function timerOver(waiting: () => Promise<typeof nothing>, take: () => Promise<object | null> = async () => ({})) {
  const log = new RecordedLog()
  const swept: SweepReport[] = []
  const uploads = { waiting, lapsed: async () => nothing, stale: async () => nothing }
  const sweeper = { take, renew: async () => true, end: async () => true }
  const deps = { uploads, sweeper, bell: { ringAgain: async () => true }, log } as unknown as SweepDeps
  const timer = new SweepTimer({ ...options, onSwept: (report) => swept.push(report) }, deps)
  return { timer, swept, log }
}

test('sweeps follow one another, each only when the one before has ended', async () => {
  let running = 0
  let most = 0
  const { timer, swept } = timerOver(async () => {
    most = Math.max(most, ++running)
    await new Promise((resolve) => setTimeout(resolve, 30))
    running -= 1
    return nothing
  })
  timer.start()
  await vi.waitFor(() => expect(swept.length).toBeGreaterThanOrEqual(3))
  await timer.stop()
  expect(most).toBe(1)
})

test('a sweep that fails is told, and the next one comes', async () => {
  let sweeps = 0
  const { timer, swept, log } = timerOver(async () => {
    sweeps += 1
    if (sweeps === 1) throw new Error('Postgres is away')
    return nothing
  })
  timer.start()
  await vi.waitFor(() => expect(swept).not.toEqual([]))
  await timer.stop()
  expect(log.saying('sweep not finished, the next one will')).toHaveLength(1)
})

test('stopping waits for the sweep that runs, and no other begins', async () => {
  const begun = Promise.withResolvers<void>()
  const mayEnd = Promise.withResolvers<void>()
  const { timer, swept } = timerOver(async () => {
    begun.resolve()
    await mayEnd.promise
    return nothing
  })
  timer.start()
  await begun.promise
  let stopped = false
  const stopping = timer.stop().then(() => {
    stopped = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  expect(stopped).toBe(false)
  mayEnd.resolve()
  await stopping
  expect(swept).toHaveLength(1)
})

test('a timer that was stopped does not start again', async () => {
  const looked = vi.fn(async () => nothing)
  const { timer } = timerOver(looked)
  await timer.stop()
  timer.start()
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(looked).not.toHaveBeenCalled()
})

test('while another worker sweeps there is nothing to tell', async () => {
  const looked = vi.fn(async () => nothing)
  const asked = vi.fn(async () => null)
  const { timer, swept } = timerOver(looked, asked)
  timer.start()
  await vi.waitFor(() => expect(asked.mock.calls.length).toBeGreaterThan(1))
  await timer.stop()
  expect(swept).toEqual([])
  expect(looked).not.toHaveBeenCalled()
})
