import { waitFor } from '@airlock/stack/testing'
import { expect } from 'vitest'
import { test } from '../airlock.ts'
import { samples } from '../samples.ts'

test('a worker that stops finishes the job that runs, and takes no other', async ({ airlock }) => {
  const gate = airlock.gate()
  const worker = airlock.startsWorker({ store: gate.store, concurrency: 1 })
  const running = await airlock.accepts(samples.photo)
  await gate.reached
  const waiting = await airlock.accepts(samples.logo)

  let stopped = false
  const stopping = worker.stop().then(() => {
    stopped = true
  })
  await waitFor(async () => (await worker.health.inject('/health/ready')).statusCode === 503, { what: 'the worker to say that it stops' })
  expect(stopped).toBe(false)
  gate.open()
  await stopping

  expect(await airlock.of(running)).toMatchObject({ state: 'completed' })
  expect(await airlock.jobState(running)).toBe('gone')
  expect(await airlock.of(waiting)).toMatchObject({ state: 'received', attempt: 0 })
  expect(await airlock.jobState(waiting)).toBe('waiting')
})

test('a worker that was never started stops', async ({ airlock }) => {
  const upload = await airlock.accepts(samples.photo)
  await airlock.buildsWorker().stop()
  expect(await airlock.of(upload)).toMatchObject({ state: 'received' })
})
