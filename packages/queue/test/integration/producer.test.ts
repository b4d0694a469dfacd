import { randomUUID } from 'node:crypto'
import { waitFor } from '@airlock/testkit'
import { UnrecoverableError } from 'bullmq'
import { expect } from 'vitest'
import { FailFastQueues } from '../../src/fail-fast-queues.ts'
import {
  AirlockProducer,
  failFastConnection,
  JobFailed,
  JobGone,
  jobResult,
  ProducerClosed,
  parseJob,
  QueueUnreachable,
  ResultUnknown,
  WaitTimedOut,
} from '../../src/index.ts'
import { ResultWait } from '../../src/result-wait.ts'
import { completed, test, videoToHandOver } from '../producer-test.ts'

test('a video is enqueued on the lane videos under its id, with the documented payload', async ({ producer, listening }) => {
  const video = videoToHandOver({ sha256: 'a'.repeat(64), metadata: { scene: 1, cut: 'final' }, priority: 'interactive' })
  expect(await producer.enqueueGeneratedVideo(video)).toEqual({
    uploadId: video.uploadId,
    enqueued: true,
    state: 'waiting',
    failedReason: null,
  })
  const [job, ...more] = await listening.jobsOfAllLanes()
  expect(more).toEqual([])
  expect(job).toMatchObject({
    id: video.uploadId,
    name: 'generated_video',
    queueName: 'airlock-videos',
    opts: { priority: 10, attempts: 100 },
  })
  expect(job?.data).toEqual({
    version: 1,
    upload_id: video.uploadId,
    user_id: video.userId,
    project_id: video.projectId,
    key: video.key,
    filename: 'scene-01.mp4',
    sha256: video.sha256,
    metadata: video.metadata,
    priority: 'interactive',
  })
  expect(parseJob(job?.name ?? '', job?.data).name).toBe('generated_video')
})

test('an id in upper case is the same upload', async ({ producer, listening }) => {
  const video = videoToHandOver()
  await producer.enqueueGeneratedVideo({ ...video, uploadId: video.uploadId.toUpperCase() })
  expect(await producer.enqueueGeneratedVideo(video)).toMatchObject({ uploadId: video.uploadId, enqueued: false })
  expect(await listening.jobs('videos')).toMatchObject([{ id: video.uploadId }])
})

test.for([
  [
    'a key of another project',
    { key: `pipeline-inbox/${randomUUID()}/${randomUUID()}.mp4` },
    /generated_video\/key: must be that of this project and upload/,
  ],
  ['a user that is not a UUID', { userId: 'me' }, /generated_video\/user_id: .*\(a UUID\)/],
  ['a hash in upper case', { sha256: 'A'.repeat(64) }, /generated_video\/sha256: .*64 hex digits in lower case/],
  ['an invalid filename', { filename: 'scenes/..' }, /generated_video\/filename: is not a file name/],
  ['nested metadata', { metadata: { deep: {} as string } }, /generated_video\/metadata\/deep: /],
  ['an unknown priority', { priority: 'urgent' as 'batch' }, /generated_video\/priority: .*'interactive' or 'batch'/],
] as const)('%s is refused before anything is sent, with field and rule', async ([, fields, message], { producer, listening }) => {
  await expect(producer.enqueueGeneratedVideo(videoToHandOver(fields))).rejects.toThrow(message)
  expect(await listening.jobsOfAllLanes()).toEqual([])
})

test('concurrent calls for one upload create one job', async ({ open, listening }) => {
  const video = videoToHandOver()
  const producers = [open(), open(), open()]
  await Promise.all(producers.flatMap((producer) => [producer, producer]).map((producer) => producer.enqueueGeneratedVideo(video)))
  expect(await listening.jobs('videos')).toHaveLength(1)
})

test('an upload whose job runs or has ended is not enqueued again, and its state is returned', async ({ producer, listening }) => {
  const video = videoToHandOver()
  const gate = Promise.withResolvers<void>()
  listening.worker('videos', async () => gate.promise.then(() => completed(video.uploadId)))
  await producer.enqueueGeneratedVideo(video)
  await waitFor(async () => (await producer.enqueueGeneratedVideo(video)).state === 'active', { what: 'the job to run' })
  gate.resolve()
  await producer.waitFor(video.uploadId)
  expect(await producer.enqueueGeneratedVideo(video)).toEqual({
    uploadId: video.uploadId,
    enqueued: false,
    state: 'completed',
    failedReason: null,
  })
})

test('a failed job is kept with its reason, and runs again on request', async ({ producer, listening }) => {
  const video = videoToHandOver()
  let isThere = false
  listening.worker('videos', async () => {
    if (!isThere) throw new UnrecoverableError('nothing is at its key')
    return completed(video.uploadId)
  })
  await producer.enqueueGeneratedVideo(video)
  await expect(producer.waitFor(video.uploadId)).rejects.toThrow(new JobFailed('nothing is at its key'))
  isThere = true
  const failed = { uploadId: video.uploadId, enqueued: false, state: 'failed', failedReason: 'nothing is at its key' }
  expect(await producer.enqueueGeneratedVideo(video)).toEqual(failed)

  expect(await producer.enqueueGeneratedVideo(video, { again: true })).toMatchObject({ enqueued: true, state: 'waiting' })
  expect(await producer.waitFor(video.uploadId)).toMatchObject({ status: 'completed' })
})

test('interactive videos precede batches, and batches keep their order', async ({ producer, listening }) => {
  const videos = (['batch', undefined, 'interactive', 'batch', 'interactive'] as const).map((priority) => videoToHandOver({ priority }))
  for (const video of videos) await producer.enqueueGeneratedVideo(video)
  const order: string[] = []
  listening.worker('videos', async ({ id = '' }) => {
    order.push(id)
    return completed(id)
  })
  await Promise.all(videos.map(({ uploadId }) => producer.waitFor(uploadId)))
  expect(order).toEqual([2, 4, 0, 1, 3].map((index) => videos[index]?.uploadId))
})

test('a wait resolves if it begins before, while or after the job runs', async ({ producer, open, listening }) => {
  const video = videoToHandOver()
  const result = completed(video.uploadId)
  const gate = Promise.withResolvers<void>()
  await producer.enqueueGeneratedVideo(video)
  const byEvent = { lookEveryMs: 60_000, timeoutMs: 10_000 }
  const before = producer.waitFor(video.uploadId, byEvent)
  listening.worker('videos', async () => gate.promise.then(() => result))
  await waitFor(async () => (await producer.enqueueGeneratedVideo(video)).state === 'active', { what: 'the job to run' })
  const during = [producer.waitFor(video.uploadId.toUpperCase(), byEvent), open().waitFor(video.uploadId, byEvent)]
  gate.resolve()
  expect(await Promise.all([before, ...during])).toEqual([result, result, result])
  expect(await open().waitFor(video.uploadId)).toEqual(result)
})

test('a wait detects the end of a job without an event', async ({ queues, producer, listening }) => {
  const video = videoToHandOver()
  const result = completed(video.uploadId)
  listening.worker('videos', async () => result)
  const redis = failFastConnection(queues.redisUrl, { onError: () => {} })
  const reader = new FailFastQueues({ ...queues, redis, waitsForConnection: true, Unreachable: QueueUnreachable, onError: () => {} })
  await producer.enqueueGeneratedVideo(video)
  const options = { timeoutMs: 10_000, lookEveryMs: 50, closed: new AbortController().signal, queues: reader }
  expect(await new ResultWait(video.uploadId, options).result(async () => silentSubscription)).toEqual(result)
  await reader.close()
  redis.disconnect()
})

test('a malformed event is reported, and later events are processed', async ({ queues, open, listening }) => {
  const errors: Error[] = []
  const producer = open({ onError: (error) => errors.push(error) })
  const video = videoToHandOver()
  await producer.enqueueGeneratedVideo(video)
  const waiting = producer.waitFor(video.uploadId, { lookEveryMs: 60_000, timeoutMs: 20_000 })
  const redis = failFastConnection(queues.redisUrl, { onError: () => {} })
  const stream = listening.queue('videos').toKey('events')
  const garbled = ['event', 'completed', 'jobId', video.uploadId, 'returnvalue', '{'] as const
  await waitFor(async () => errors.length > 0 || (await redis.xadd(stream, '*', ...garbled)) === null, { what: 'the error to be reported' })
  redis.disconnect()

  listening.worker('videos', async () => completed(video.uploadId))
  expect(await waiting).toMatchObject({ status: 'completed' })
  expect(errors[0]).toBeInstanceOf(SyntaxError)
})

/** A subscription that never receives a message. */
const silentSubscription = { listen: () => () => {} }

test('rejected and parked uploads are results with a reason', async ({ producer, listening }) => {
  const ends = [
    { status: 'rejected', error: { code: 'type_mismatch', error: 'Type mismatch', detail: 'It is not an MP4.' } },
    { status: 'failed', error: { code: 'processing_failed', error: 'Processing failed', detail: 'We could not.' } },
  ] as const
  const videos = ends.map(() => videoToHandOver())
  listening.worker('videos', async ({ id: uploadId = '' }) => {
    const end = ends[videos.findIndex((video) => video.uploadId === uploadId)] ?? ends[0]
    return jobResult({ ...end, uploadId })
  })
  for (const video of videos) await producer.enqueueGeneratedVideo(video)
  const results = await Promise.all(videos.map(({ uploadId }) => producer.waitFor(uploadId)))
  expect(results).toMatchObject(ends.map((end) => ({ ...end, asset_id: null, s3_url: null })))
})

test('waiting for an unknown job fails soon', async ({ producer, listening }) => {
  await expect(producer.waitFor(randomUUID())).rejects.toThrow(JobGone)
  const video = videoToHandOver()
  await producer.enqueueGeneratedVideo(video)
  const waiting = producer.waitFor(video.uploadId, { lookEveryMs: 50 })
  const [job] = await listening.jobs('videos')
  await job?.remove()
  await expect(waiting).rejects.toThrow(JobGone)
  expect(await producer.enqueueGeneratedVideo(video)).toMatchObject({ enqueued: true })
})

test('waiting for a job without a valid result fails', async ({ producer, listening }) => {
  const [silent, strange] = [videoToHandOver(), videoToHandOver()]
  listening.worker('videos', async ({ id }) => (id === silent.uploadId ? null : { version: 2 }))
  for (const video of [silent, strange]) await producer.enqueueGeneratedVideo(video)
  await expect(producer.waitFor(silent.uploadId)).rejects.toThrow(ResultUnknown)
  await expect(producer.waitFor(strange.uploadId)).rejects.toThrow(/job_result\/version: 2 is not supported here/)
})

test('a wait ends at its timeout, which must be valid', async ({ producer }) => {
  const video = videoToHandOver()
  await producer.enqueueGeneratedVideo(video)
  await expect(producer.waitFor(video.uploadId, { timeoutMs: 100 })).rejects.toThrow(WaitTimedOut)
  for (const timeoutMs of [0, -1, Number.NaN, Infinity, 2 ** 31]) {
    await expect(producer.waitFor(video.uploadId, { timeoutMs })).rejects.toThrow(RangeError)
  }
})

test('closing ends all waits, and a closed producer refuses calls', async ({ producer }) => {
  const video = videoToHandOver()
  await producer.enqueueGeneratedVideo(video)
  const waits = [producer.waitFor(video.uploadId), producer.waitFor(video.uploadId)].map((wait) =>
    expect(wait).rejects.toThrow(ProducerClosed),
  )
  await producer.close()
  await Promise.all(waits)
  await expect(producer.waitFor(video.uploadId)).rejects.toThrow(ProducerClosed)
  await expect(producer.enqueueGeneratedVideo(video)).rejects.toThrow(ProducerClosed)
  await producer.close()
})

test('a connection of the caller is used and stays open', async ({ queues, listening }) => {
  const connection = failFastConnection(queues.redisUrl, { onError: () => {} })
  const producer = new AirlockProducer({ connection, prefix: queues.prefix })
  const video = videoToHandOver()
  listening.worker('videos', async () => completed(video.uploadId))
  await producer.enqueueGeneratedVideo(video)
  expect(await producer.waitFor(video.uploadId)).toMatchObject({ status: 'completed' })
  await producer.close()
  expect(await connection.ping()).toBe('PONG')
  connection.disconnect()
})
