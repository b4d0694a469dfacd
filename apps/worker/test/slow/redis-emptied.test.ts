import { privateServer, waitFor } from '@airlock/testkit'
import { openQueues } from '@airlock/testkit/airlock'
import { samples } from '@airlock/testkit/samples'
import { Redis } from 'ioredis'
import { expect, onTestFinished } from 'vitest'
import { Airlock, sweepOptions, test } from '../airlock.ts'
import { endsOf, inboxOf, pipeline, putsMany } from '../inbox.ts'

/** Sweeps continuously, and enqueues what has not changed for a second. */
const busySweeper = { ...sweepOptions, everySeconds: 0.5, enqueueAfterSeconds: 1 }
const busyInboxSweeper = { ...busySweeper, everySeconds: 0.25, restSeconds: 0, inboxEnqueueAfterSeconds: 1 }

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

test('a thousand uploads that wait when Redis loses its data become one asset each', {
  meta: { id: 'thousand-uploads-redis-flushed' },
  timeout: 240_000,
}, async ({ servers }) => {
  const { airlock, redis } = await onOwnRedis(servers)
  const count = 1000
  const uploads = []
  for (let sent = 0; sent < count; sent += 50) {
    uploads.push(...(await Promise.all(Array.from({ length: 50 }, () => airlock.accepts(samples.logo)))))
  }
  expect(await airlock.queues.onLane('images', (queue) => queue.getWaitingCount())).toBe(count)
  await redis.flushall()
  expect(await airlock.queues.onLane('images', (queue) => queue.getWaitingCount())).toBe(0)

  airlock.startsWorker({ sweep: busySweeper })

  const ends = `select state, count(*)::integer as uploads, count(asset.id)::integer as assets, count(distinct asset.upload_id)::integer as distinct
    from uploads left join assets asset on asset.upload_id = uploads.id where uploads.user_id = $1 group by state`
  await waitFor(async () => (await servers.sql.query(ends, [airlock.userId])).rows.every(({ state }) => state === 'completed'), {
    what: 'all to be completed',
    timeoutMs: 220_000,
    everyMs: 500,
  })
  expect((await servers.sql.query(ends, [airlock.userId])).rows).toEqual([
    { state: 'completed', uploads: count, assets: count, distinct: count },
  ])
  await waitFor(async () => (await airlock.quarantine()).length === 0, { what: 'quarantine to be empty', timeoutMs: 30_000 })
})

test('a hundred videos that are in progress when Redis loses its data become one asset each', {
  meta: { id: 'hundred-videos-redis-flushed' },
  timeout: 120_000,
}, async ({ servers }) => {
  const { airlock, redis } = await onOwnRedis(servers)
  const count = 100
  const producer = pipeline(airlock.queues)
  for (const video of await putsMany(airlock, count)) await producer.enqueueGeneratedVideo(video)
  const completed = async () => (await endsOf(airlock)).find(({ state }) => state === 'completed')?.uploads ?? 0

  airlock.startsWorker({ sweep: busyInboxSweeper })
  await waitFor(async () => (await completed()) >= count / 10, { what: 'some to be completed', everyMs: 20 })
  await redis.flushall()
  expect(await completed()).toBeLessThan(count)

  await waitFor(async () => (await completed()) === count, { what: 'all to be completed', timeoutMs: 90_000 })
  expect(await endsOf(airlock)).toEqual([{ state: 'completed', uploads: count, assets: count, distinct: count }])
  await waitFor(async () => (await inboxOf(airlock)).length === 0, { what: 'the inbox to be empty' })
})
