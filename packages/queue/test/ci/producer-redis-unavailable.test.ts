import { randomUUID } from 'node:crypto'
import { FaultyLink, privateServer, waitFor } from '@airlock/testkit'
import { expect } from 'vitest'
import { AirlockProducer, commandTimeoutMs, JobGone, ProducerClosed, QueueUnreachable, WaitTimedOut } from '../../src/index.ts'
import { test as base, Listening } from '../job-queue-test.ts'
import { completed, videoToHandOver } from '../producer-test.ts'

/** A producer with a private Redis, which the test can stop and freeze. */
const test = base
  .extend('redis', { scope: 'file' }, async ({ task: _ }: { task?: unknown }, { onCleanup }) => {
    const server = await privateServer('redis')
    onCleanup(() => server.drop())
    return server
  })
  .extend('prefix', async () => `{producer-${randomUUID()}}`)
  .extend('producer', async ({ redis, prefix }, { onCleanup }) => {
    const producer = new AirlockProducer({ redisUrl: redis.address.url, prefix })
    onCleanup(() => producer.close())
    return producer
  })

/** The tolerance of a time limit on a busy machine. */
const slackMs = 700

async function failsSoon(work: Promise<unknown>): Promise<void> {
  const started = performance.now()
  await expect(work).rejects.toThrow(QueueUnreachable)
  expect(performance.now() - started).toBeLessThan(commandTimeoutMs + slackMs)
}

test('a producer reports an unreachable Redis within 1.5 s, sends nothing later, and works again when Redis is back', {
  meta: { id: 'producer-redis-unavailable' },
}, async ({ redis, prefix, producer }) => {
  await redis.stop()
  await failsSoon(producer.enqueueGeneratedVideo(videoToHandOver()))
  await failsSoon(producer.enqueueGeneratedVideo(videoToHandOver()))
  await redis.start()
  const video = videoToHandOver()
  await waitFor(() => producer.enqueueGeneratedVideo(video), { what: 'the connection to Redis', timeoutMs: 10_000 })
  const listening = new Listening({ redisUrl: redis.address.url, prefix })
  expect(await listening.jobs('videos')).toMatchObject([{ id: video.uploadId }])
  await listening.close()
})

test('a producer reports an unresponsive Redis within 1.5 s', async ({ redis, producer }) => {
  await producer.enqueueGeneratedVideo(videoToHandOver())
  await redis.pause()
  await failsSoon(producer.enqueueGeneratedVideo(videoToHandOver()))
  await redis.resume()
})

test('a wait survives a temporarily unresponsive Redis', async ({ redis, prefix, producer }) => {
  const video = videoToHandOver()
  await producer.enqueueGeneratedVideo(video)
  await redis.pause()
  const waiting = producer.waitFor(video.uploadId, { lookEveryMs: 100 })
  await failsSoon(producer.enqueueGeneratedVideo(videoToHandOver()))
  await redis.resume()
  const listening = new Listening({ redisUrl: redis.address.url, prefix })
  listening.worker('videos', async () => completed(video.uploadId))
  expect(await waiting).toMatchObject({ status: 'completed' })
  await listening.close()
})

test('a wait reports that the job is gone after Redis lost its data', async ({ redis, producer }) => {
  const video = videoToHandOver()
  await producer.enqueueGeneratedVideo(video)
  const waiting = expect(producer.waitFor(video.uploadId, { lookEveryMs: 100 })).rejects.toThrow(JobGone)
  await redis.stop()
  await redis.start()
  await waiting
})

test('a wait without Redis ends at its timeout with the reason', async ({ prefix }) => {
  const lost = new AirlockProducer({ redisUrl: 'redis://127.0.0.1:1', prefix })
  const error = await lost.waitFor(randomUUID(), { timeoutMs: 2500, lookEveryMs: 50 }).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(WaitTimedOut)
  expect((error as Error).cause).toBeInstanceOf(QueueUnreachable)
  await lost.close()
})

test('a waiting producer can be closed immediately while Redis is unreachable', async ({ redis, prefix }) => {
  const producer = new AirlockProducer({ redisUrl: redis.address.url, prefix })
  const video = videoToHandOver()
  await producer.enqueueGeneratedVideo(video)
  const waiting = expect(producer.waitFor(video.uploadId)).rejects.toThrow(ProducerClosed)
  await producer.enqueueGeneratedVideo(video)
  await redis.stop()
  const started = performance.now()
  await producer.close()
  await waiting
  expect(performance.now() - started).toBeLessThan(slackMs)
  await redis.start()
})

test('a hundred waits share one connection, and a closed producer leaves no connection', async ({ redis, prefix }) => {
  const link = new FaultyLink(redis.address.url)
  const producer = new AirlockProducer({ redisUrl: await link.open(), prefix })
  const videos = Array.from({ length: 100 }, () => videoToHandOver())
  await Promise.all(videos.map((video) => producer.enqueueGeneratedVideo(video)))
  expect(link.connections).toBe(1)
  const waits = Promise.all(videos.map(({ uploadId }) => producer.waitFor(uploadId)))
  const listening = new Listening({ redisUrl: redis.address.url, prefix })
  listening.worker('videos', async ({ id = '' }) => completed(id))
  expect(new Set((await waits).map(({ upload_id }) => upload_id))).toEqual(new Set(videos.map(({ uploadId }) => uploadId)))
  expect(link.connections).toBe(2)

  await producer.close()
  await waitFor(() => link.connections === 0, { what: 'the connections to be closed' })
  await listening.close()
  await link.close()
})
