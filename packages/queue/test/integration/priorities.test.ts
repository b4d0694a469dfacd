import { randomUUID } from 'node:crypto'
import { waitFor } from '@airlock/testkit'
import { UnrecoverableError, type Worker } from 'bullmq'
import { expect } from 'vitest'
import { type GeneratedVideo, inboxKey, type Priority, parseJob } from '../../src/index.ts'
import { test } from '../job-queue-test.ts'

function video(priority?: Priority, uploadId = randomUUID()): GeneratedVideo {
  const projectId = randomUUID()
  return {
    version: 1,
    upload_id: uploadId,
    user_id: randomUUID(),
    project_id: projectId,
    key: inboxKey({ projectId, uploadId }),
    filename: 'scene.mp4',
    ...(priority === undefined ? {} : { priority }),
  }
}

test('a job for a video in the inbox contains everything that a worker needs to register it', async ({ jobQueue, listening, expect }) => {
  const payload = video('batch')
  expect(await jobQueue.ensureVideoEnqueued(payload)).toBe(true)
  const [job, ...more] = await listening.jobsOfAllLanes()
  expect(more).toEqual([])
  expect(job).toMatchObject({ id: payload.upload_id, queueName: 'airlock-videos' })
  expect(parseJob(job?.name ?? '', job?.data)).toEqual({ name: 'generated_video', payload })
})

test('a video with a live job is not enqueued, and one with a kept finished job is', async ({ jobQueue, listening, uploadId }) => {
  let runs = 0
  const queue = listening.queue('videos')
  const payload = video('batch', uploadId)
  await jobQueue.ensureVideoEnqueued(payload)
  expect(await jobQueue.ensureVideoEnqueued(payload)).toBe(false)
  listening.worker('videos', async () => {
    runs += 1
    if (runs === 2) throw new UnrecoverableError('nothing at its key')
    return 'the result'
  })
  const state = async () => (await queue.getJob(uploadId))?.getState()
  await waitFor(async () => (await state()) === 'completed', { what: 'the job to end' })
  expect(await jobQueue.ensureVideoEnqueued(payload)).toBe(true)
  await waitFor(async () => (await state()) === 'failed', { what: 'the job to fail' })
  expect(await jobQueue.ensureVideoEnqueued(payload)).toBe(true)
  await waitFor(async () => runs === 3 && (await state()) === 'completed', { what: 'the third run' })
})

test('uploads of users precede batches, and are processed in order of arrival from all doors', async ({ jobQueue, listening }) => {
  const form = [randomUUID(), randomUUID()] as const
  const [interactive, batch, unsaid] = [video('interactive'), video('batch'), video()]
  await jobQueue.ensureVideoEnqueued(unsaid)
  await jobQueue.ensureVideoEnqueued(batch)
  await jobQueue.enqueue('videos', { uploadId: form[0] })
  await jobQueue.ensureVideoEnqueued(interactive)
  await jobQueue.enqueue('videos', { uploadId: form[1] })
  const order: string[] = []
  listening.worker('videos', async ({ id }) => {
    order.push(id ?? '')
  })
  await waitFor(() => order.length === 5, { what: 'all jobs to run' })
  expect(order).toEqual([form[0], interactive.upload_id, form[1], unsaid.upload_id, batch.upload_id])
})

test('a delayed job keeps its priority over batches', async ({ jobQueue, listening, uploadId }) => {
  const order: string[] = []
  const worker: Worker = listening.worker('videos', async ({ id, attemptsMade }) => {
    if (id === uploadId && attemptsMade === 0) {
      await worker.pause(true) // before its next attempt can begin
      throw new Error('the store is unavailable')
    }
    order.push(id ?? '')
  })
  worker.opts.settings = { backoffStrategy: () => 50 }
  const queue = listening.queue('videos')
  await jobQueue.enqueue('videos', { uploadId })
  await waitFor(async () => (await queue.getJob(uploadId))?.attemptsMade === 1, { what: 'the first try' })
  const batch = video('batch')
  await jobQueue.ensureVideoEnqueued(batch)
  await waitFor(async () => ((await queue.getJob(uploadId))?.timestamp ?? Infinity) + 200 < Date.now(), { what: 'the end of the delay' })
  worker.resume()
  await waitFor(() => order.length === 2, { what: 'both jobs to run' })
  expect(order).toEqual([uploadId, batch.upload_id])
})
