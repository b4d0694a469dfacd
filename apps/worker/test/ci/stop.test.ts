import { DatabaseUnavailable } from '@airlock/database'
import { waitFor } from '@airlock/testkit'
import { samples } from '@airlock/testkit/samples'
import { expect } from 'vitest'
import { test } from '../airlock.ts'

test('a stopping worker completes the running job, and takes no other', { meta: { id: 'stop-finishes-running-job' } }, async ({
  airlock,
}) => {
  const gate = airlock.gate()
  const worker = airlock.startsWorker({ store: gate.store, concurrency: 1 })
  const running = await airlock.accepts(samples.photo)
  await gate.reached
  const waiting = await airlock.accepts(samples.logo)

  let stopped = false
  const stopping = worker.stop().then(() => {
    stopped = true
  })
  await waitFor(async () => (await worker.health.inject('/health/ready')).statusCode === 503, { what: 'the worker to report not ready' })
  expect(stopped).toBe(false)
  gate.open()
  await stopping

  expect(await airlock.of(running)).toMatchObject({ state: 'completed' })
  expect(await airlock.jobState(running)).toBe('gone')
  expect(await airlock.of(waiting)).toMatchObject({ state: 'received', attempt: 0 })
  expect(await airlock.jobState(waiting)).toBe('waiting')
})

test("a job that a stopping worker can't complete is handed back: another worker takes it at once, and it is not a failure", {
  meta: { id: 'stop-hands-job-back' },
}, async ({ airlock }) => {
  const gate = airlock.gate()
  const first = airlock.startsWorker({ store: gate.store })
  const upload = await airlock.accepts(samples.photo)
  await gate.reached
  const second = airlock.buildsWorker()

  await first.stopTaking()
  second.start()
  await first.handBack()
  // without the handback, its lease would last 60 s, and its job would be redelivered after 30 s
  const completed = await airlock.comesTo('completed', upload, 20_000)

  expect(completed).toMatchObject({ attempt: 2, handedBack: 1, lastFault: null, failingSince: null })
  expect(await airlock.assetsOf(upload)).toHaveLength(1)
  await waitFor(async () => (await airlock.jobState(upload)) === 'gone', { what: 'the job to end' })
  expect((await first.health.inject('/metrics')).body).toContain('airlock_jobs_total{outcome="handed_back"} 1')
  expect(airlock.log.withMessage('job failed')).toEqual([])
})

test('a file that is being inspected when its worker stops is handed back', async ({ airlock, servers }) => {
  const reading = Promise.withResolvers<void>()
  const source: typeof servers.store.source = (key, options) => ({
    ...servers.store.source(key, options),
    read: () => {
      reading.resolve()
      return new Promise(() => {})
    },
  })
  const worker = airlock.startsWorker({ store: { ...servers.store, source } })
  const upload = await airlock.accepts(samples.photo)
  await reading.promise

  await worker.stopTaking()
  await worker.handBack()
  await worker.close()

  expect(await airlock.of(upload)).toMatchObject({ state: 'received', attempt: 1, handedBack: 1, lastFault: null })
  expect(await airlock.jobState(upload)).toBe('waiting')
})

test('a job that is claimed while its worker stops is handed back', async ({ airlock, servers }) => {
  const claiming = Promise.withResolvers<void>()
  const goOn = Promise.withResolvers<void>()
  const { uploads } = servers.database
  const claim: typeof uploads.claim = async (...claimed) => {
    claiming.resolve()
    await goOn.promise
    return uploads.claim(...claimed)
  }
  const worker = airlock.startsWorker({ database: { ...servers.database, uploads: { ...uploads, claim } } })
  const upload = await airlock.accepts(samples.photo)
  await claiming.promise

  await worker.stopTaking()
  const handedBack = worker.handBack()
  goOn.resolve()
  await handedBack

  expect(await airlock.of(upload)).toMatchObject({ state: 'received', attempt: 1, handedBack: 1 })
  expect(await airlock.jobState(upload)).toBe('waiting')
})

test("an upload that can't be handed back while Postgres is unavailable is taken over when its lease expires", {
  meta: { id: 'stop-hand-back-database-unavailable' },
}, async ({ airlock, servers }) => {
  const gate = airlock.gate()
  const { uploads } = servers.database
  const handBack = () => Promise.reject(new DatabaseUnavailable('connection refused'))
  const database = { ...servers.database, uploads: { ...uploads, handBack } }
  const first = airlock.startsWorker({ store: gate.store, database, leaseSeconds: 3 })
  const upload = await airlock.accepts(samples.photo)
  await gate.reached

  await first.stopTaking()
  await first.handBack()

  expect(await airlock.of(upload)).toMatchObject({ state: 'processing', attempt: 1, handedBack: 0 })
  expect(airlock.log.withMessage('upload not handed back, its lease will expire')).toMatchObject([{ uploadId: upload.id }])
  airlock.startsWorker({ leaseSeconds: 3 })
  expect(await airlock.comesTo('completed', upload)).toMatchObject({ attempt: 2 })
})

test('a worker that was never started can be stopped', async ({ airlock }) => {
  const upload = await airlock.accepts(samples.photo)
  await airlock.buildsWorker().stop()
  expect(await airlock.of(upload)).toMatchObject({ state: 'received' })
})
