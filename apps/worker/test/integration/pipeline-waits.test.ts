import { JobGone } from '@airlock/queue'
import { waitFor } from '@airlock/testkit'
import { test } from '../airlock.ts'
import { endsOf, pipeline, puts } from '../inbox.ts'

const soon = { timeoutMs: 20_000, lookEveryMs: 100 }

test('a pipeline whose Redis lost its data enqueues again, and gets the one asset', async ({ airlock, expect }) => {
  const producer = pipeline(airlock.queues)
  const video = await puts(airlock)
  await producer.enqueueGeneratedVideo(video)
  const waiting = producer.waitFor(video.uploadId, soon)
  await airlock.queues.onLane('videos', (queue) => queue.obliterate({ force: true }))
  await expect(waiting).rejects.toThrow(JobGone)

  airlock.startsWorker()
  for (const _ of [1, 2]) {
    await producer.enqueueGeneratedVideo(video)
    expect(await producer.waitFor(video.uploadId, soon)).toMatchObject({ status: 'completed' })
    await airlock.queues.onLane('videos', (queue) => queue.obliterate({ force: true }))
  }
  expect(await endsOf(airlock)).toEqual([{ state: 'completed', uploads: 1, assets: 1, distinct: 1 }])
})

test('a pipeline gets the result of a video that was parked, even if the sweeper enqueued it', async ({ airlock, servers, expect }) => {
  const copyToFinal = async () => Promise.reject(new Error('broken'))
  const retry = { minAttempts: 2, retryForSeconds: 0, firstMs: 60_000, maxMs: 60_000 }
  airlock.startsWorker({ store: { ...servers.store, copyToFinal }, retry })
  const producer = pipeline(airlock.queues)
  const video = await puts(airlock)
  await producer.enqueueGeneratedVideo(video)
  await waitFor(async () => (await airlock.jobState({ id: video.uploadId }, 'videos')) === 'delayed', { what: 'the first try to fail' })
  const waiting = producer.waitFor(video.uploadId, soon)

  await airlock.queues.onLane('videos', async (queue) => {
    await queue.obliterate({ force: true })
    await servers.sql.query('update uploads set next_attempt_at = null where id = $1', [video.uploadId])
    await airlock.queues.jobQueue.ensureEnqueued('videos', { uploadId: video.uploadId })
  })

  expect(await waiting).toMatchObject({ status: 'failed', error: { code: 'processing_failed' } })
})
