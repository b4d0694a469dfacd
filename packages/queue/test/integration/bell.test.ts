import { randomUUID } from 'node:crypto'
import { waitFor } from '@airlock/stack/testing'
import { UnrecoverableError } from 'bullmq'
import { expect } from 'vitest'
import { BellUnreachable, parseProcessUpload, queueLanes } from '../../src/index.ts'
import { test } from '../bell-test.ts'

test.for(queueLanes)(
  'a ring on the lane %s wakes a worker of that lane with what it needs to find the upload',
  async (lane, { bell, listening, uploadId, expect }) => {
    await bell.ring(lane, { uploadId, requestId: 'request-1' })

    const [job, ...more] = await listening.jobsOfAllLanes()

    expect(more).toEqual([])
    expect(job).toMatchObject({ id: uploadId, queueName: `airlock-${lane}` })
    expect(parseProcessUpload(job?.name ?? '', job?.data)).toEqual({ version: 1, upload_id: uploadId, request_id: 'request-1' })
  },
)

test('a ring without a request says nothing of one', async ({ bell, listening, uploadId }) => {
  await bell.ring('images', { uploadId })
  const [job] = await listening.jobs('images')
  expect(job?.data).toEqual({ version: 1, upload_id: uploadId })
})

test('two rings for one upload wake one worker', { meta: { id: 'enqueue-is-idempotent' } }, async ({ bell, listening, uploadId }) => {
  await Promise.all([bell.ring('images', { uploadId }), bell.ring('images', { uploadId }), bell.ring('images', { uploadId })])
  const woken: string[] = []
  const other = randomUUID()
  listening.worker('images', async ({ id }) => {
    woken.push(id ?? '')
  })
  await bell.ring('images', { uploadId: other })
  await waitFor(() => woken.includes(other), { what: 'the later job' })
  expect(woken).toEqual([uploadId, other])
})

test('a job that ended well leaves nothing, so that its upload can be rung for again', async ({ bell, listening, uploadId }) => {
  let runs = 0
  listening.worker('images', async () => {
    runs += 1
  })
  await bell.ring('images', { uploadId })
  await waitFor(async () => runs === 1 && (await listening.jobs('images')).length === 0, { what: 'the job to end and go' })

  expect(await bell.ringAgain('images', { uploadId })).toBe(true)

  await waitFor(() => runs === 2, { what: 'the second run' })
})

test('a job that is waiting is not rung for again', async ({ bell, listening, uploadId }) => {
  await bell.ring('images', { uploadId, requestId: 'request-1' })
  expect(await bell.ringAgain('images', { uploadId })).toBe(false)
  expect(await listening.jobs('images')).toMatchObject([{ data: { request_id: 'request-1' } }])
})

test('a job that is running is not rung for again, and one that waits for its next try is brought forward', {
  meta: { id: 'running-job-not-enqueued-again' },
}, async ({ bell, listening, uploadId }) => {
  const firstMayEnd = Promise.withResolvers<void>()
  const secondMayEnd = Promise.withResolvers<void>()
  const queue = listening.queue('images')
  let runs = 0
  const worker = listening.worker('images', () => {
    runs += 1
    return runs === 1 ? firstMayEnd.promise : secondMayEnd.promise
  })
  await bell.ring('images', { uploadId })
  const state = async () => (await queue.getJob(uploadId))?.getState()
  await waitFor(async () => (await state()) === 'active', { what: 'the job to run' })
  expect(await bell.ringAgain('images', { uploadId })).toBe(false)
  expect(await bell.wouldRing('images', uploadId)).toBe(false)

  worker.opts.settings = { backoffStrategy: () => 60_000 }
  firstMayEnd.reject(new Error('the store is away'))
  await waitFor(async () => (await state()) === 'delayed', { what: 'the job to wait for its next try' })
  expect(await bell.wouldRing('images', uploadId)).toBe(true)
  // The second run is held, so that of the three only one can find a job that waits.
  const rang = await Promise.all([1, 2, 3].map(() => bell.ringAgain('images', { uploadId })))
  expect(rang.filter(Boolean)).toHaveLength(1)
  await waitFor(async () => (await state()) === 'active' && runs === 2, { what: 'the job to run again at once' })
  secondMayEnd.resolve()
})

test('a failed job that is kept for a look does not keep its upload from being rung for again', {
  meta: { id: 'failed-job-enqueued-again' },
}, async ({ bell, listening, uploadId }) => {
  let runs = 0
  const queue = listening.queue('images')
  listening.worker('images', async () => {
    runs += 1
    if (runs === 1) throw new UnrecoverableError('parked')
  })
  await bell.ring('images', { uploadId })
  await waitFor(async () => (await (await queue.getJob(uploadId))?.getState()) === 'failed', { what: 'the job to fail for good' })
  await bell.ring('images', { uploadId })
  expect(await (await queue.getJob(uploadId))?.getState()).toBe('failed')

  expect(await bell.ringAgain('images', { uploadId })).toBe(true)

  await waitFor(() => runs === 2, { what: 'the second run' })
})

test('of many that ring again at once, the upload gets one live job', async ({ bell, listening, uploadId }) => {
  await Promise.all(Array.from({ length: 20 }, () => bell.ringAgain('images', { uploadId })))
  expect(await listening.jobs('images')).toHaveLength(1)
})

test('a job may be tried more often than any upload is', async ({ bell, listening, uploadId }) => {
  await bell.ring('images', { uploadId })
  const [job] = await listening.jobs('images')
  expect(job?.opts).toMatchObject({ attempts: 100, backoff: { type: 'custom' }, removeOnComplete: true })
})

test('progress is what the worker told last, and null when nobody told any', async ({ bell, listening, uploadId }) => {
  expect(await bell.progressOf('images', uploadId)).toBeNull()
  const told = Promise.withResolvers<void>()
  const mayEnd = Promise.withResolvers<void>()
  listening.worker('images', async (job) => {
    await job.updateProgress(0.5)
    told.resolve()
    await mayEnd.promise
  })
  await bell.ring('images', { uploadId })
  await told.promise
  expect(await bell.progressOf('images', uploadId)).toBe(0.5)
  expect(await bell.progressOf('videos', uploadId)).toBeNull()
  mayEnd.resolve()
})

test('progress of another shape than a number is no progress', async ({ bell, listening, uploadId }) => {
  await bell.ring('images', { uploadId })
  const [job] = await listening.jobs('images')
  await job?.updateProgress({ percent: 50 })
  expect(await bell.progressOf('images', uploadId)).toBeNull()
})

test('what Redis refuses to do is told as unreachable, with its cause', async ({ bell }) => {
  const ringing = bell.ring('images', { uploadId: 'not:a-uuid' })
  await expect(ringing).rejects.toThrow(BellUnreachable)
  await expect(ringing).rejects.toMatchObject({ message: "can't ring", cause: expect.any(Error) })
})
