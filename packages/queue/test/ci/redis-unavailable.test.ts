import { randomUUID } from 'node:crypto'
import { FaultyLink, privateServer, waitFor } from '@airlock/testkit'
import { expect } from 'vitest'
import { commandTimeoutMs, JobQueueUnreachable } from '../../src/index.ts'
import { test as base, enqueuesEventually, jobQueueAt, Listening } from '../job-queue-test.ts'

/** A private Redis, which the test can stop and freeze, and a job queue on it. */
const test = base
  .extend('redis', { scope: 'file' }, async ({ task: _ }: { task?: unknown }, { onCleanup }) => {
    const server = await privateServer('redis')
    onCleanup(() => server.drop())
    return server
  })
  .extend('prefix', async () => `{job-queue-${randomUUID()}}`)

/** The tolerance of a time limit on a busy machine. */
const slackMs = 700

/** A link to Redis. After `losesAnswers`, no response passes from the next handshake on. */
async function linkTo(redisUrl: string) {
  const link = new FaultyLink(redisUrl)
  const url = await link.open()
  let isSilent = false
  const losesAnswers = () =>
    link.onceSent(/\$4\r\ninfo\r\n/i, () => {
      isSilent = true
      link.become({ kind: 'mute' })
    })
  return { link, url, losesAnswers, isSilent: () => isSilent }
}

async function timed(work: Promise<unknown>): Promise<{ thrown: unknown; ms: number }> {
  const started = performance.now()
  const thrown = await work.then(
    () => null,
    (error: unknown) => error,
  )
  return { thrown, ms: performance.now() - started }
}

test('a queue whose Redis is unreachable at startup fails fast, and works as soon as Redis is reachable', async ({ redis, prefix }) => {
  await redis.stop()
  const errors: Error[] = []
  const jobQueue = jobQueueAt(redis.address.url, prefix, errors)

  for (const call of [
    () => jobQueue.enqueue('images', { uploadId: randomUUID() }),
    () => jobQueue.ensureEnqueued('images', { uploadId: randomUUID() }),
    () => jobQueue.check(),
  ]) {
    const { thrown, ms } = await timed(call())
    expect(thrown).toBeInstanceOf(JobQueueUnreachable)
    expect(ms).toBeLessThan(slackMs)
  }
  expect(await jobQueue.progressOf('images', randomUUID())).toBeNull()
  await waitFor(() => errors.length > 0, { what: 'the error to be reported' })

  await redis.start()
  const uploadId = randomUUID()
  await enqueuesEventually(jobQueue, uploadId)
  const listening = new Listening({ redisUrl: redis.address.url, prefix })
  expect(await listening.jobs('images')).toMatchObject([{ id: uploadId }])
  await listening.close()
  await jobQueue.close()
})

test('a queue whose Redis becomes unreachable fails fast, and works when Redis is back', async ({ redis, prefix }) => {
  const jobQueue = jobQueueAt(redis.address.url, prefix)
  await enqueuesEventually(jobQueue, randomUUID())
  await redis.stop()

  await waitFor(async () => (await timed(jobQueue.enqueue('videos', { uploadId: randomUUID() }))).thrown instanceof JobQueueUnreachable, {
    what: 'the outage to be noticed',
  })
  const { thrown, ms } = await timed(jobQueue.enqueue('videos', { uploadId: randomUUID() }))
  expect(thrown).toBeInstanceOf(JobQueueUnreachable)
  expect(ms).toBeLessThan(commandTimeoutMs + slackMs)

  await redis.start()
  await enqueuesEventually(jobQueue, randomUUID(), 'videos')
  await jobQueue.close()
})

test('a queue whose Redis stops responding fails after its timeout, and works when Redis responds', async ({ redis, prefix }) => {
  const jobQueue = jobQueueAt(redis.address.url, prefix)
  await enqueuesEventually(jobQueue, randomUUID())
  await redis.pause()

  const outcomes = await Promise.all([
    timed(jobQueue.enqueue('images', { uploadId: randomUUID() })),
    timed(jobQueue.ensureEnqueued('images', { uploadId: randomUUID() })),
    timed(jobQueue.check()),
  ])
  for (const { thrown, ms } of outcomes) {
    expect(thrown).toBeInstanceOf(JobQueueUnreachable)
    expect(ms).toBeLessThan(commandTimeoutMs + slackMs)
  }
  expect(await jobQueue.progressOf('images', randomUUID())).toBeNull()

  await redis.resume()
  await enqueuesEventually(jobQueue, randomUUID())
  await jobQueue.close()
})

test('a queue whose Redis does not respond at startup works as soon as it responds', async ({ redis, prefix }) => {
  await redis.pause()
  const jobQueue = jobQueueAt(redis.address.url, prefix)
  const { thrown, ms } = await timed(jobQueue.enqueue('images', { uploadId: randomUUID() }))
  expect(thrown).toBeInstanceOf(JobQueueUnreachable)
  expect(ms).toBeLessThan(commandTimeoutMs + slackMs)
  await redis.resume()
  await enqueuesEventually(jobQueue, randomUUID())
  await jobQueue.close()
})

test('a Redis that stops responding during the connection is found again', async ({ redis, prefix }) => {
  const { link, url, losesAnswers, isSilent } = await linkTo(redis.address.url)
  losesAnswers()
  const jobQueue = jobQueueAt(url, prefix)
  await waitFor(isSilent, { what: 'the handshake without a response' })
  await expect(jobQueue.ready()).rejects.toThrow(JobQueueUnreachable)
  link.become({ kind: 'open' })

  await enqueuesEventually(jobQueue, randomUUID())

  await jobQueue.close()
  await link.close()
})

test('a Redis that stops responding during the version check is found again by the next call', async ({ redis, prefix }) => {
  const { link, url, losesAnswers, isSilent } = await linkTo(redis.address.url)
  const jobQueue = jobQueueAt(url, prefix)
  await jobQueue.ready()
  losesAnswers()
  const { thrown, ms } = await timed(jobQueue.enqueue('images', { uploadId: randomUUID() }))
  expect(isSilent()).toBe(true)
  expect(thrown).toBeInstanceOf(JobQueueUnreachable)
  expect(ms).toBeLessThan(commandTimeoutMs + slackMs)
  link.become({ kind: 'open' })

  await enqueuesEventually(jobQueue, randomUUID())
  expect(await jobQueue.ensureEnqueued('images', { uploadId: randomUUID() })).toBe(true)

  await jobQueue.close()
  await link.close()
})

test('a connected queue enqueues immediately, and one without Redis fails', async ({ redis, prefix }) => {
  const jobQueue = jobQueueAt(redis.address.url, prefix)
  await jobQueue.ready()
  await jobQueue.enqueue('images', { uploadId: randomUUID() })
  await jobQueue.close()

  const lost = jobQueueAt('redis://127.0.0.1:1', prefix)
  const { thrown, ms } = await timed(lost.ready())
  expect(thrown).toBeInstanceOf(JobQueueUnreachable)
  expect(ms).toBeLessThan(commandTimeoutMs + slackMs)
  await lost.close()
})

test('a closed queue leaves no connection, with or without Redis', async ({ redis, prefix }) => {
  const { link, url } = await linkTo(redis.address.url)
  const jobQueue = jobQueueAt(url, prefix)
  await enqueuesEventually(jobQueue, randomUUID())
  expect(link.connections).toBe(2) // one of them for health checks
  await jobQueue.close()
  await waitFor(() => link.connections === 0, { what: 'the connection to be closed' })
  await expect(jobQueue.enqueue('images', { uploadId: randomUUID() })).rejects.toThrow(JobQueueUnreachable)

  await redis.stop()
  const lonely = jobQueueAt(redis.address.url, prefix)
  const { ms } = await timed(lonely.close())
  expect(ms).toBeLessThan(slackMs)
  await redis.start()
  await link.close()
})
