import { randomUUID } from 'node:crypto'
import { generatedVideoJob, queuePrefix } from '@airlock/queue'
import { givenStack, privateServer, waitFor } from '@airlock/testkit'
import { openQueues } from '@airlock/testkit/airlock'
import { samples } from '@airlock/testkit/samples'
import { expect, onTestFinished, vi } from 'vitest'
import { Airlock, sweepOptions, test } from '../airlock.ts'
import { endsOf, inboxOf, pipeline, puts, putsMany } from '../inbox.ts'
import { startWorkerProcess } from '../worker-process.ts'

/** Sweeps continuously, and enqueues what has not changed for a second. */
const busySweeper = { ...sweepOptions, everySeconds: 0.25, restSeconds: 0, enqueueAfterSeconds: 1, inboxEnqueueAfterSeconds: 1 }

/** Long, for a machine that others load. */
const timeoutMs = 60_000
const isFinal = { timeoutMs }

vi.setConfig({ testTimeout: 90_000 })

test("a video becomes an asset with its pipeline's metadata, the job returns it, and the inbox is empty", async ({ airlock, servers }) => {
  airlock.startsWorker()
  const producer = pipeline(airlock.queues)
  const video = await puts(airlock, { filename: 'Szene – 7.mp4', metadata: { scene: 7 } })

  expect(await producer.enqueueGeneratedVideo(video)).toMatchObject({ enqueued: true })
  const result = await producer.waitFor(video.uploadId, isFinal)

  const [asset] = await airlock.assetsOf({ id: video.uploadId })
  expect(asset).toMatchObject({
    userId: airlock.userId,
    projectId: video.projectId,
    filename: 'Szene – 7.mp4',
    metadata: { client: { scene: 7 } },
  })
  expect(result).toEqual({
    version: 1,
    upload_id: video.uploadId,
    status: 'completed',
    asset_id: asset?.id,
    s3_url: `s3://${servers.bucket.bucket}/${asset?.s3Key}`,
    error: null,
  })
  expect(await inboxOf(airlock)).toEqual([])
  expect(await producer.enqueueGeneratedVideo(video)).toMatchObject({ enqueued: false, state: 'completed' })
})

test('the result of a rejected video has the reason, and its object is removed', async ({ airlock }) => {
  airlock.startsWorker()
  const producer = pipeline(airlock.queues)
  const other = await puts(airlock, { sha256: 'ab'.repeat(32) })
  const picture = await puts(airlock, { sample: { ...samples.photo, filename: 'scene.mp4' } })
  for (const video of [other, picture]) await producer.enqueueGeneratedVideo(video)

  const because = (code: string) => ({ status: 'rejected', asset_id: null, error: { code } })
  expect(await producer.waitFor(other.uploadId, isFinal)).toMatchObject(because('digest_mismatch'))
  expect(await producer.waitFor(picture.uploadId, isFinal)).toMatchObject(because('type_mismatch'))
  await waitFor(async () => (await inboxOf(airlock)).length === 0, { what: 'the inbox to be empty' })
})

test('the result of a parked video has the reason, and its object is kept', async ({ airlock, servers }) => {
  const copyToFinal = async () => Promise.reject(new Error('broken'))
  airlock.startsWorker({ store: { ...servers.store, copyToFinal }, retry: { minAttempts: 2, retryForSeconds: 0, firstMs: 1, maxMs: 2 } })
  const producer = pipeline(airlock.queues)
  const video = await puts(airlock)
  await producer.enqueueGeneratedVideo(video)

  expect(await producer.waitFor(video.uploadId, isFinal)).toMatchObject({ status: 'failed', error: { code: 'processing_failed' } })
  expect(await inboxOf(airlock)).toEqual([video.key])
})

test("a job that violates its schema fails permanently at its first attempt, and the object's metadata are used instead", {
  meta: { id: 'malformed-job-fails-for-good' },
}, async ({ airlock }) => {
  airlock.startsWorker({ sweep: busySweeper })
  const video = await puts(airlock)
  const unknown = randomUUID()
  const job = async (id: string) => airlock.queues.onLane('videos', async (queue) => (await queue.getJob(id))?.toJSON())
  await airlock.queues.onLane('videos', async (queue) => {
    await queue.add(generatedVideoJob, { version: 7, upload_id: video.uploadId }, { jobId: video.uploadId, attempts: 5 })
    await queue.add('generate_video', {}, { jobId: unknown, attempts: 5 })
  })

  await waitFor(async () => (await job(unknown))?.failedReason !== undefined, { what: 'the job to fail' })
  expect(await job(unknown)).toMatchObject({ failedReason: "unknown job name 'generate_video'", attemptsMade: 1 })
  expect(
    airlock.log.withMessage('job payload violates its schema, not retried; a video in the inbox is still accepted by its metadata'),
  ).toMatchObject([
    { uploadId: video.uploadId, err: { message: expect.stringContaining('version: 7 is not supported here') } },
    { uploadId: unknown },
  ])
  // the sweeper enqueues it instead
  await waitFor(async () => (await endsOf(airlock)).some(({ assets }) => assets === 1), {
    what: 'the video to be an asset',
    timeoutMs,
  })
  expect(await inboxOf(airlock)).toEqual([])
})

test('a video with the id of an upload from another door fails permanently, and its object is reported and kept', {
  meta: { id: 'video-id-of-another-door' },
}, async ({ airlock }) => {
  const upload = await airlock.accepts(samples.scene)
  airlock.startsWorker({ sweep: busySweeper })
  await airlock.comesTo('completed', upload)
  const video = await puts(airlock, { uploadId: upload.id })
  const producer = pipeline(airlock.queues)
  await producer.enqueueGeneratedVideo(video)

  await expect(producer.waitFor(video.uploadId, isFinal)).rejects.toThrow(`upload ${upload.id} is taken: its door is form, not pipeline`)
  expect(airlock.log.withMessage('announced video refused, job not retried')).toMatchObject([{ uploadId: upload.id, key: video.key }])
  const report = "objects in the inbox can't be enqueued, left unchanged"
  await waitFor(() => airlock.log.withMessage(report).length > 0, { what: 'the report of the sweeper' })
  expect(airlock.log.withMessage(report)[0]).toMatchObject({ objects: [expect.stringContaining(video.key)] })
  expect(await inboxOf(airlock)).toEqual([video.key])
  expect(await airlock.assetsOf(upload)).toHaveLength(1)
})

test('a video whose job and object name different owners is left to an operator', { meta: { id: 'disputed-video-left' } }, async ({
  airlock,
}) => {
  airlock.startsWorker({ sweep: busySweeper })
  const video = await puts(airlock)
  const producer = pipeline(airlock.queues)
  await producer.enqueueGeneratedVideo({ ...video, userId: randomUUID() })

  await expect(producer.waitFor(video.uploadId, isFinal)).rejects.toThrow(/^the object at .* belongs to user/)
  const left = 'owner of a video in the inbox is disputed, left unchanged'
  await waitFor(() => airlock.log.withMessage(left).length > 0, { what: 'the sweeper to find it' })

  expect(await airlock.queues.jobQueue.failureOf('videos', video.uploadId)).toMatchObject({ isDisputed: true })
  expect(await inboxOf(airlock)).toEqual([video.key])
  expect(await endsOf(airlock)).toEqual([])
})

test('a video without a job becomes an asset', { meta: { id: 'video-never-announced' } }, async ({ airlock }) => {
  airlock.startsWorker({ sweep: busySweeper })
  const video = await puts(airlock, { filename: 'Szene – 7.mp4' })
  const there = async () => (await airlock.assetsOf({ id: video.uploadId })).length === 1
  await waitFor(there, { what: 'the video to be an asset', timeoutMs })
  expect(await airlock.of({ id: video.uploadId })).toMatchObject({
    userId: airlock.userId,
    filename: 'Szene – 7.mp4',
    contentHash: expect.stringMatching(/^[0-9a-f]{64}$/),
  })
})

test('a project that floods the queue leaves a slot for another project', { meta: { id: 'project-concurrency-limit' } }, async ({
  airlock,
  servers,
}) => {
  const held = Promise.withResolvers<void>()
  const flood = randomUUID()
  let runs = 0
  const copyToFinal: typeof servers.store.copyToFinal = async (from, to, options) => {
    if (to.includes(flood)) {
      runs += 1
      await held.promise
    }
    return servers.store.copyToFinal(from, to, options)
  }
  const producer = pipeline(airlock.queues)
  const flooding = await putsMany(airlock, 30, { projectId: flood })
  for (const video of flooding) await producer.enqueueGeneratedVideo(video)
  airlock.startsWorker({ store: { ...servers.store, copyToFinal }, concurrency: 4, maxRunningPerProject: 2 })

  try {
    await waitFor(() => runs === 2, { what: 'the flood to take its slots' })
    const single = await puts(airlock)
    await producer.enqueueGeneratedVideo(single)
    expect(await producer.waitFor(single.uploadId, isFinal)).toMatchObject({ status: 'completed' })
    expect(runs).toBe(2)
  } finally {
    held.resolve()
  }
  for (const { uploadId } of flooding) expect(await producer.waitFor(uploadId, isFinal)).toMatchObject({ status: 'completed' })
})

test('pictures do not wait while all slots for videos are taken', async ({ airlock, servers }) => {
  const held = Promise.withResolvers<void>()
  const copyToFinal: typeof servers.store.copyToFinal = async (from, to, options) => {
    if (to.startsWith('generated-videos/')) await held.promise
    return servers.store.copyToFinal(from, to, options)
  }
  airlock.startsWorker({ store: { ...servers.store, copyToFinal }, concurrency: 1, maxRunningPerProject: 0 })
  const producer = pipeline(airlock.queues)
  const videos = await putsMany(airlock, 5)
  for (const video of videos) await producer.enqueueGeneratedVideo(video)
  try {
    await waitFor(async () => (await airlock.queues.onLane('videos', (queue) => queue.getActiveCount())) === 1, { what: 'a video to run' })

    for (const sample of [samples.photo, samples.logo]) await airlock.comesTo('completed', await airlock.accepts(sample))

    expect(await endsOf(airlock)).toContainEqual({ state: 'completed', uploads: 2, assets: 2, distinct: 2 })
  } finally {
    held.resolve()
  }
  for (const { uploadId } of videos) expect(await producer.waitFor(uploadId, isFinal)).toMatchObject({ status: 'completed' })
})

test("a pipeline's video becomes an asset without any gateway", { timeout: 90_000 }, async ({ servers }) => {
  // a worker of production uses the real queue names, so it gets a private Redis
  const server = await privateServer('redis')
  onTestFinished(() => server.drop())
  const queues = await openQueues(server.address.url, queuePrefix)
  onTestFinished(() => queues.close())
  const airlock = new Airlock(servers, queues)
  const { s3 } = givenStack()
  const worker = await startWorkerProcess({
    DATABASE_URL: servers.databaseUrl,
    REDIS_URL: server.address.url,
    S3_ENDPOINT: s3.endpoint,
    S3_REGION: s3.region,
    S3_BUCKET_NAME: servers.bucket.bucket,
    S3_FORCE_PATH_STYLE: 'true',
    S3_SSE: 'AES256',
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
    WORKER_QUEUES: 'videos',
    SWEEP_INTERVAL_SECONDS: '1',
    SWEEP_REST_SECONDS: '1',
    PIPELINE_RING_AFTER_SECONDS: '1',
  })
  onTestFinished(() => worker.kill())
  const producer = pipeline(queues)
  const [announced, silent] = [await puts(airlock), await puts(airlock)]

  await producer.enqueueGeneratedVideo(announced)

  expect(await producer.waitFor(announced.uploadId, { timeoutMs })).toMatchObject({ status: 'completed' })
  await waitFor(async () => (await airlock.assetsOf({ id: silent.uploadId })).length === 1, { what: 'the other one', timeoutMs })
  expect(await endsOf(airlock)).toEqual([{ state: 'completed', uploads: 2, assets: 2, distinct: 2 }])
  await waitFor(async () => (await inboxOf(airlock)).length === 0, { what: 'the inbox to be empty' })
})
