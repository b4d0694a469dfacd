import { randomUUID } from 'node:crypto'
import { waitFor } from '@airlock/testkit'
import { UnrecoverableError } from 'bullmq'
import { expect } from 'vitest'
import { JobQueueUnreachable, parseProcessUpload, queueLanes } from '../../src/index.ts'
import { test } from '../job-queue-test.ts'

test.for(queueLanes)(
  'a job enqueued on the lane %s reaches a worker of that lane with the upload id',
  async (lane, { jobQueue, listening, uploadId, expect }) => {
    await jobQueue.enqueue(lane, { uploadId, requestId: 'request-1' })

    const [job, ...more] = await listening.jobsOfAllLanes()

    expect(more).toEqual([])
    expect(job).toMatchObject({ id: uploadId, queueName: `airlock-${lane}` })
    expect(parseProcessUpload(job?.name ?? '', job?.data)).toEqual({ version: 1, upload_id: uploadId, request_id: 'request-1' })
  },
)

test('a job enqueued without a request has no request id', async ({ jobQueue, listening, uploadId }) => {
  await jobQueue.enqueue('images', { uploadId })
  const [job] = await listening.jobs('images')
  expect(job?.data).toEqual({ version: 1, upload_id: uploadId })
})

test('enqueueing an upload twice creates one job', { meta: { id: 'enqueue-is-idempotent' } }, async ({ jobQueue, listening, uploadId }) => {
  await Promise.all([
    jobQueue.enqueue('images', { uploadId }),
    jobQueue.enqueue('images', { uploadId }),
    jobQueue.enqueue('images', { uploadId }),
  ])
  const woken: string[] = []
  const other = randomUUID()
  listening.worker('images', async ({ id }) => {
    woken.push(id ?? '')
  })
  await jobQueue.enqueue('images', { uploadId: other })
  await waitFor(() => woken.includes(other), { what: 'the later job' })
  expect(woken).toEqual([uploadId, other])
})

test('a completed job is removed, so that its upload can be enqueued again', async ({ jobQueue, listening, uploadId }) => {
  let runs = 0
  listening.worker('images', async () => {
    runs += 1
  })
  await jobQueue.enqueue('images', { uploadId })
  await waitFor(async () => runs === 1 && (await listening.jobs('images')).length === 0, { what: 'the job to end and go' })

  expect(await jobQueue.ensureEnqueued('images', { uploadId })).toBe(true)

  await waitFor(() => runs === 2, { what: 'the second run' })
})

test('a waiting job is not enqueued again', async ({ jobQueue, listening, uploadId }) => {
  await jobQueue.enqueue('images', { uploadId, requestId: 'request-1' })
  expect(await jobQueue.ensureEnqueued('images', { uploadId })).toBe(false)
  expect(await listening.jobs('images')).toMatchObject([{ data: { request_id: 'request-1' } }])
})

test('a running job is not enqueued again, and a delayed one is promoted', {
  meta: { id: 'running-job-not-enqueued-again' },
}, async ({ jobQueue, listening, uploadId }) => {
  const firstMayEnd = Promise.withResolvers<void>()
  const secondMayEnd = Promise.withResolvers<void>()
  const queue = listening.queue('images')
  let runs = 0
  const worker = listening.worker('images', () => {
    runs += 1
    return runs === 1 ? firstMayEnd.promise : secondMayEnd.promise
  })
  await jobQueue.enqueue('images', { uploadId })
  const state = async () => (await queue.getJob(uploadId))?.getState()
  await waitFor(async () => (await state()) === 'active', { what: 'the job to run' })
  expect(await jobQueue.ensureEnqueued('images', { uploadId })).toBe(false)
  expect(await jobQueue.isEnqueued('images', uploadId)).toBe(true)

  worker.opts.settings = { backoffStrategy: () => 60_000 }
  firstMayEnd.reject(new Error('the store is unavailable'))
  await waitFor(async () => (await state()) === 'delayed', { what: 'the job to wait for its next try' })
  expect(await jobQueue.isEnqueued('images', uploadId)).toBe(false)
  // The second run is held, so that only one of the three calls can find a waiting job.
  const enqueued = await Promise.all([1, 2, 3].map(() => jobQueue.ensureEnqueued('images', { uploadId })))
  expect(enqueued.filter(Boolean)).toHaveLength(1)
  await waitFor(async () => (await state()) === 'active' && runs === 2, { what: 'the job to run again at once' })
  secondMayEnd.resolve()
})

test('a kept failed job does not prevent its upload from being enqueued again', {
  meta: { id: 'failed-job-enqueued-again' },
}, async ({ jobQueue, listening, uploadId }) => {
  let runs = 0
  const queue = listening.queue('images')
  listening.worker('images', async () => {
    runs += 1
    if (runs === 1) throw new UnrecoverableError('parked')
  })
  await jobQueue.enqueue('images', { uploadId })
  await waitFor(async () => (await (await queue.getJob(uploadId))?.getState()) === 'failed', { what: 'the job to fail for good' })
  await jobQueue.enqueue('images', { uploadId })
  expect(await (await queue.getJob(uploadId))?.getState()).toBe('failed')

  expect(await jobQueue.ensureEnqueued('images', { uploadId })).toBe(true)

  await waitFor(() => runs === 2, { what: 'the second run' })
})

test('concurrent repetitions result in one live job', async ({ jobQueue, listening, uploadId }) => {
  await Promise.all(Array.from({ length: 20 }, () => jobQueue.ensureEnqueued('images', { uploadId })))
  expect(await listening.jobs('images')).toHaveLength(1)
})

test('a job has more attempts than any upload', async ({ jobQueue, listening, uploadId }) => {
  await jobQueue.enqueue('images', { uploadId })
  const [job] = await listening.jobs('images')
  expect(job?.opts).toMatchObject({ attempts: 100, backoff: { type: 'custom' }, removeOnComplete: true })
})

test('progress is the last reported value, or null', async ({ jobQueue, listening, uploadId }) => {
  expect(await jobQueue.progressOf('images', uploadId)).toBeNull()
  const progressReported = Promise.withResolvers<void>()
  const mayEnd = Promise.withResolvers<void>()
  listening.worker('images', async (job) => {
    await job.updateProgress(0.5)
    progressReported.resolve()
    await mayEnd.promise
  })
  await jobQueue.enqueue('images', { uploadId })
  await progressReported.promise
  expect(await jobQueue.progressOf('images', uploadId)).toBe(0.5)
  expect(await jobQueue.progressOf('videos', uploadId)).toBeNull()
  mayEnd.resolve()
})

test('progress that is not a number is ignored', async ({ jobQueue, listening, uploadId }) => {
  await jobQueue.enqueue('images', { uploadId })
  const [job] = await listening.jobs('images')
  await job?.updateProgress({ percent: 50 })
  expect(await jobQueue.progressOf('images', uploadId)).toBeNull()
})

test('an error of Redis is reported as unavailable, with its cause', async ({ jobQueue }) => {
  const ringing = jobQueue.enqueue('images', { uploadId: 'not:a-uuid' })
  await expect(ringing).rejects.toThrow(JobQueueUnreachable)
  await expect(ringing).rejects.toMatchObject({ message: "can't enqueue", cause: expect.any(Error) })
})

test.for([
  { progress: { refused: 'disputed' }, reason: 'the object belongs to another user', isDisputed: true },
  { progress: { refused: 'invalid' }, reason: 'no object at its key', isDisputed: false },
  { progress: 0.5, reason: 'no object at its key', isDisputed: false },
  { progress: 0, reason: 'disputed: as earlier workers wrote it', isDisputed: true },
] as const)(
  'a job that failed with the progress $progress and the reason $reason is disputed: $isDisputed',
  async ({ progress, reason, isDisputed }, { jobQueue, listening, uploadId, expect }) => {
    listening.worker('videos', async (job) => {
      await job.updateProgress(progress)
      throw new UnrecoverableError(reason)
    })
    await jobQueue.enqueue('videos', { uploadId })
    await waitFor(async () => (await jobQueue.failureOf('videos', uploadId)) !== null, { what: 'the job to fail' })
    expect(await jobQueue.failureOf('videos', uploadId)).toEqual({ reason, isDisputed })
  },
)
