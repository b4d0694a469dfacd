import { expect, test, vi } from 'vitest'
import { RecurringWork } from '../../src/recurring-work.ts'

/** Work whose runs last until the test ends them. */
function heldWork({ everySeconds = 3600, atOnce = false } = {}) {
  const runs: { end(): void; fail(err: Error): void; signal: AbortSignal }[] = []
  const failures: unknown[] = []
  const recurring = new RecurringWork({
    everySeconds,
    atOnce,
    work: (signal) => new Promise<void>((end, fail) => void runs.push({ end, fail, signal })),
    onFailure: (err) => failures.push(err),
  })
  return { recurring, runs, failures }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

test('a request during the pause starts a run at once', async () => {
  const { recurring, runs } = heldWork()
  recurring.start()
  expect(runs).toHaveLength(0)
  recurring.soon()
  expect(runs).toHaveLength(1)
  runs[0]?.end()
  await recurring.stop()
})

test('any number of requests during a run cause one more run', async () => {
  const { recurring, runs } = heldWork({ atOnce: true })
  recurring.start()
  for (let i = 0; i < 5; i += 1) recurring.soon()
  expect(runs).toHaveLength(1)
  runs[0]?.end()
  await settled()
  expect(runs).toHaveLength(2)
  runs[1]?.end()
  await settled()
  expect(runs).toHaveLength(2)
  await recurring.stop()
})

test('a failed run is logged, and the next one follows', async () => {
  const { recurring, runs, failures } = heldWork({ everySeconds: 0.001, atOnce: true })
  recurring.start()
  runs[0]?.fail(new Error('Postgres is unavailable'))
  await vi.waitFor(() => expect(runs).toHaveLength(2))
  expect(failures).toEqual([new Error('Postgres is unavailable')])
  runs[1]?.end()
  await recurring.stop()
})

test('stopping aborts the run, waits for it, and starts no other', async () => {
  const { recurring, runs } = heldWork({ atOnce: true })
  recurring.start()
  recurring.soon()
  let stopped = false
  const stopping = recurring.stop().then(() => {
    stopped = true
  })
  await settled()
  expect(runs[0]?.signal.aborted).toBe(true)
  expect(stopped).toBe(false)
  runs[0]?.end()
  await stopping
  recurring.soon()
  recurring.start()
  expect(runs).toHaveLength(1)
})

test('nothing runs before the start, and starting twice has no further effect', async () => {
  const { recurring, runs } = heldWork({ atOnce: true })
  recurring.soon()
  expect(runs).toHaveLength(0)
  recurring.start()
  recurring.start()
  expect(runs).toHaveLength(1)
  runs[0]?.end()
  await recurring.stop()
})
