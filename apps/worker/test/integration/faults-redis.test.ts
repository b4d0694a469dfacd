import { privateServer, waitFor } from '@airlock/testkit'
import { openQueues } from '@airlock/testkit/airlock'
import { samples } from '@airlock/testkit/samples'
import { Redis } from 'ioredis'
import { expect, onTestFinished } from 'vitest'
import { Airlock, sweepOptions, test } from '../airlock.ts'

/** Sweeps continuously, and enqueues what has not changed for a second. */
const busySweeper = { ...sweepOptions, everySeconds: 0.5, enqueueAfterSeconds: 1 }

/** Airlock on a private Redis, and its controls. */
async function onOwnRedis(servers: Airlock['servers']) {
  const server = await privateServer('redis')
  const queues = await openQueues(server.address.url)
  const airlock = new Airlock(servers, queues)
  const redis = new Redis(server.address.url, { maxRetriesPerRequest: 1 })
  onTestFinished(async () => {
    await airlock.stopsAll()
    redis.disconnect()
    await queues.close()
    await server.drop()
  })
  return { airlock, redis }
}

test('uploads that are accepted while Redis is out of memory are processed later, and running jobs complete', {
  meta: { id: 'redis-out-of-memory' },
  timeout: 60_000,
}, async ({ servers }) => {
  const { airlock, redis } = await onOwnRedis(servers)
  const gate = airlock.gate()
  airlock.startsWorker({ store: gate.store, sweep: busySweeper, leaseSeconds: 2 })
  const running = await airlock.accepts(samples.photo)
  await gate.reached
  await redis.config('SET', 'maxmemory', '1')
  await expect(redis.set('a', 'b')).rejects.toThrow(/OOM/)

  const accepted = await airlock.accepts(samples.photo)
  gate.open()
  expect(airlock.log.withMessage('upload not enqueued, the sweeper retries')).toMatchObject([{ uploadId: accepted.id }])
  await airlock.comesTo('completed', running)
  expect((await airlock.of(accepted)).state).toBe('received')
  await redis.config('SET', 'maxmemory', '0')

  expect(await airlock.comesTo('completed', accepted, 30_000)).toMatchObject({ attempt: 1 })
  await waitFor(async () => (await airlock.quarantine()).length === 0, { what: 'quarantine to be empty' })
})
