import { deleteAllRows, privateServer, waitFor } from '@airlock/testkit'
import { openQueues } from '@airlock/testkit/airlock'
import { samples } from '@airlock/testkit/samples'
import { Redis } from 'ioredis'
import { expect } from 'vitest'
import { Airlock, sweepOptions, test as withServers } from '../airlock.ts'

/** A private Redis, which the tests flush, stop and start. */
const test = withServers
  .extend('redis', { scope: 'file' }, async ({ servers: _ }, { onCleanup }) => {
    const server = await privateServer('redis')
    onCleanup(() => server.drop())
    return server
  })
  .extend('airlock', async ({ servers, redis }, { onCleanup }) => {
    await deleteAllRows(servers.sql)
    const queues = await openQueues(redis.address.url)
    const airlock = new Airlock(servers, queues)
    onCleanup(async () => {
      await airlock.stopsAll()
      await queues.close()
      await airlock.expectNothingLeft()
    })
    return airlock
  })

/** Sweeps continuously, and enqueues what has not changed for a second. */
const busySweeper = { ...sweepOptions, everySeconds: 0.5, enqueueAfterSeconds: 1, receivingForSeconds: 3600 }

async function flush(url: string): Promise<void> {
  const redis = new Redis(url, { maxRetriesPerRequest: 1 })
  await redis.flushall()
  redis.disconnect()
}

test('losing all data of Redis while jobs run loses no upload', {
  meta: { id: 'redis-flushed-while-jobs-run' },
  timeout: 60_000,
}, async ({ airlock, redis, servers }) => {
  const uploads = await Promise.all(Array.from({ length: 30 }, () => airlock.accepts(samples.logo)))
  airlock.startsWorker({ sweep: busySweeper, concurrency: 2, leaseSeconds: 2 })
  await waitFor(async () => (await airlock.of(uploads[0] as { id: string })).state !== 'received', {
    what: 'the first job to run',
    everyMs: 5,
  })
  await flush(redis.address.url)

  for (const upload of uploads) await airlock.comesTo('completed', upload, 40_000)
  const { rows } = await servers.sql.query('select count(*)::integer as assets, count(distinct upload_id)::integer as uploads from assets')
  expect(rows).toEqual([{ assets: 30, uploads: 30 }])
  await waitFor(async () => (await airlock.quarantine()).length === 0, { what: 'quarantine to be empty' })
})

test('a worker continues without a restart when its Redis returns', { timeout: 60_000 }, async ({ airlock, redis }) => {
  const worker = airlock.startsWorker({ sweep: busySweeper })
  const before = await airlock.accepts(samples.photo)
  await airlock.comesTo('completed', before)

  await redis.stop()
  const during = await airlock.accepts(samples.photo)
  expect(during).toMatchObject({ state: 'received' })
  expect((await worker.health.inject('/health/ready')).statusCode).toBe(503)
  await redis.start()

  expect(await airlock.comesTo('completed', during, 40_000)).toMatchObject({ attempt: 1 })
  const after = await airlock.accepts(samples.photo)
  await airlock.comesTo('completed', after)
  await waitFor(async () => (await worker.health.inject('/health/ready')).statusCode === 200, { what: 'the worker to be ready again' })
})

test('a worker stops while Redis is unavailable, and completes the running job', {
  meta: { id: 'stop-redis-unavailable' },
  timeout: 60_000,
}, async ({ airlock, redis }) => {
  const gate = airlock.gate()
  const worker = airlock.startsWorker({ store: gate.store })
  const upload = await airlock.accepts(samples.photo)
  await gate.reached
  await redis.stop()

  const started = performance.now()
  const stopping = worker.stop()
  gate.open()
  await stopping

  expect(performance.now() - started).toBeLessThan(8000)
  expect(await airlock.of(upload)).toMatchObject({ state: 'completed' })
  // the lane without a job receives nothing
  expect(airlock.log.withMessage('redis did not confirm the end of jobs, they are delivered again')).toEqual([
    { lane: 'images', uploadIds: [upload.id] },
  ])
  await redis.start()
})

test('a worker that stops while Redis is unavailable hands the upload back, and another one completes it later', {
  meta: { id: 'stop-hand-back-redis-unavailable' },
  timeout: 60_000,
}, async ({ airlock, redis }) => {
  const gate = airlock.gate()
  const first = airlock.startsWorker({ store: gate.store, leaseSeconds: 2 })
  const upload = await airlock.accepts(samples.photo)
  await gate.reached
  await redis.stop()

  const started = performance.now()
  await first.stopTaking()
  await first.handBack()

  expect(performance.now() - started).toBeLessThan(8000)
  expect(await airlock.of(upload)).toMatchObject({ state: 'received', attempt: 1, handedBack: 1, lastFault: null })
  expect(airlock.log.withMessage('redis did not confirm the end of jobs, they are delivered again')).toEqual([
    { lane: 'images', uploadIds: [upload.id] },
  ])
  await redis.start()
  airlock.startsWorker({ sweep: busySweeper, leaseSeconds: 2 })
  expect(await airlock.comesTo('completed', upload, 20_000)).toMatchObject({ attempt: 2 })
})
