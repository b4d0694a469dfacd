import { JobQueue } from '@airlock/queue'
import { waitFor } from '@airlock/testkit'
import { samples } from '@airlock/testkit/samples'
import { expect } from 'vitest'
import { sweepOptions, test } from '../airlock.ts'

const connected = { status: 'connected' }
const unavailable = { status: 'unavailable' }

test('a worker is live from its start, and ready while it takes jobs', async ({ airlock }) => {
  const worker = airlock.buildsWorker()
  const ask = async (path: string) => {
    const { statusCode, body } = await worker.health.inject(path)
    return { statusCode, ...JSON.parse(body) }
  }
  const dependencies = { database: connected, redis: connected, s3: connected }
  expect(await ask('/health/live')).toEqual({ statusCode: 200, status: 'ok' })
  expect(await ask('/health/ready')).toEqual({ statusCode: 503, status: 'degraded', dependencies })

  worker.start()
  expect(await ask('/health/ready')).toEqual({ statusCode: 200, status: 'ok', dependencies })

  await worker.stop()
  expect(await ask('/health/ready')).toEqual({ statusCode: 503, status: 'degraded', dependencies })
  expect(await ask('/health/live')).toEqual({ statusCode: 200, status: 'ok' })
})

test('a worker without Redis is live but not ready, and names the server', async ({ airlock, onTestFinished }) => {
  const jobQueue = new JobQueue({ redisUrl: 'redis://127.0.0.1:1', onError: () => {} })
  onTestFinished(() => jobQueue.close())
  const worker = airlock.startsWorker({ jobQueue })
  const { statusCode, body } = await worker.health.inject('/health/ready')
  expect(statusCode).toBe(503)
  expect(JSON.parse(body)).toEqual({ status: 'degraded', dependencies: { database: connected, redis: unavailable, s3: connected } })
  expect((await worker.health.inject('/health/live')).statusCode).toBe(200)
})

test('metrics count the outcomes of jobs and sweeps, with fixed label values', async ({ airlock }) => {
  const worker = airlock.startsWorker({ sweep: { ...sweepOptions, everySeconds: 0.1, enqueueAfterSeconds: 3600 } })
  const [good, bad] = [await airlock.accepts(samples.photo), await airlock.accepts(samples.brokenPhoto)]
  await airlock.comesTo('completed', good)
  await airlock.comesTo('rejected', bad)

  const counted = [
    'airlock_jobs_total{outcome="completed"} 1',
    'airlock_jobs_total{outcome="rejected"} 1',
    'airlock_swept_total{rule="stale"} 0',
  ]
  const missing = async () => {
    const { body } = await worker.health.inject('/metrics')
    return counted.filter((line) => !body.includes(line))
  }
  await waitFor(async () => (await missing()).length === 0, { what: 'both jobs and a sweep to be counted' })

  const { headers, body } = await worker.health.inject('/metrics')
  expect(headers['content-type']).toContain('text/plain')
  expect(body).toContain('process_resident_memory_bytes')
  expect(body).not.toContain(good.id)
})
