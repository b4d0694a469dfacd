import { DatabaseUnavailable } from '@airlock/database'
import { processUploadJob } from '@airlock/queue'
import { StoreUnavailable } from '@airlock/storage'
import { waitFor } from '@airlock/testkit'
import { samples } from '@airlock/testkit/samples'
import { expect } from 'vitest'
import { test } from '../airlock.ts'

test('a picture and a video become assets, and their jobs are removed from Redis', async ({ airlock }) => {
  airlock.startsWorker()
  const [picture, video] = [await airlock.accepts(samples.photo), await airlock.accepts(samples.scene)]

  await airlock.comesTo('completed', picture)
  await airlock.comesTo('completed', video)

  expect(await airlock.assetsOf(picture)).toMatchObject([{ s3Key: picture.finalKey, mediaType: 'image/jpeg' }])
  expect(await airlock.assetsOf(video)).toMatchObject([{ s3Key: video.finalKey, mediaType: 'video/mp4' }])
  await waitFor(async () => (await airlock.jobState(picture)) === 'gone', { what: 'the job to go' })
  await waitFor(async () => (await airlock.jobState(video, 'videos')) === 'gone', { what: 'the job to go' })
  await waitFor(async () => (await airlock.quarantine()).length === 0, { what: 'quarantine to be empty' })
})

test('a damaged picture is rejected at its first attempt, and its job is not repeated', async ({ airlock }) => {
  airlock.startsWorker()
  const upload = await airlock.accepts(samples.brokenPhoto)

  const rejected = await airlock.comesTo('rejected', upload)

  expect(rejected).toMatchObject({ attempt: 1, refusal: { code: 'file_corrupt' } })
  await waitFor(async () => (await airlock.jobState(upload)) === 'gone', { what: 'the job to go' })
  expect(await airlock.quarantine()).toEqual([])
  expect(airlock.log.withMessage('job failed')).toEqual([])
})

test('a picture beyond the worker’s limit is rejected, whatever the gateway accepted', async ({ airlock }) => {
  airlock.startsWorker({ sizeLimits: { brand_image: 1000, generated_video: 1000, lora_training: 1000 } })
  const upload = await airlock.accepts(samples.photo)
  expect(await airlock.comesTo('rejected', upload)).toMatchObject({ refusal: { code: 'file_too_large' } })
})

test('while the store fails an upload is retried with increasing delays, then parked with its bytes', async ({ airlock, servers }) => {
  const tries: number[] = []
  const store = {
    ...servers.store,
    copyToFinal: async (from: string) => {
      tries.push(performance.now())
      throw new StoreUnavailable('SlowDown (503)', from)
    },
  }
  airlock.startsWorker({ store, retry: { minAttempts: 4, retryForSeconds: 0, firstMs: 100, maxMs: 1000 } })
  const upload = await airlock.accepts(samples.photo)

  const parked = await airlock.comesTo('parked', upload)

  expect(parked).toMatchObject({ attempt: 4, refusal: { code: 'processing_failed' }, lastFault: 'StoreUnavailable: SlowDown (503)' })
  expect(await airlock.quarantine()).toEqual([upload.quarantineKey])
  const waits = tries.slice(1).map((at, i) => at - (tries[i] ?? 0))
  expect(waits).toHaveLength(3)
  expect(waits.map((ms, i) => ms >= 100 * 2 ** i * 0.5)).toEqual([true, true, true])
  await waitFor(async () => (await airlock.jobState(upload)) === 'failed', { what: 'the job to fail for good' })
})

test("a failed upload waits in Redis until the time in its row, without using up the job's attempts", async ({ airlock, servers }) => {
  const store = { ...servers.store, copyToFinal: async (from: string) => Promise.reject(new StoreUnavailable('SlowDown (503)', from)) }
  airlock.startsWorker({ store, retry: { minAttempts: 1, retryForSeconds: 3600, firstMs: 60_000, maxMs: 60_000 } })
  const upload = await airlock.accepts(samples.photo)
  await waitFor(async () => (await airlock.jobState(upload)) === 'delayed', { what: 'the job to wait' })

  const job = await airlock.queues.onLane('images', (queue) => queue.getJob(upload.id))
  const row = await airlock.of(upload)
  expect(row).toMatchObject({ state: 'received', attempt: 1, failingSince: expect.any(Date) })
  expect(job?.attemptsMade).toBe(0)
  const due = (job?.timestamp ?? 0) + (job?.delay ?? 0)
  expect(Math.abs(due - (row.nextAttemptAt?.getTime() ?? 0))).toBeLessThan(5000)
})

test('an upload survives a temporary failure of the store', async ({ airlock, servers }) => {
  let broken = 3
  const store = {
    ...servers.store,
    copyToFinal: async (...args: Parameters<typeof servers.store.copyToFinal>) => {
      if (broken-- > 0) throw new StoreUnavailable('SlowDown (503)', args[1])
      return servers.store.copyToFinal(...args)
    },
  }
  airlock.startsWorker({ store })
  const upload = await airlock.accepts(samples.photo)
  expect(await airlock.comesTo('completed', upload)).toMatchObject({ attempt: 4, lastFault: null })
})

test('a job that runs while the database is unavailable is repeated, without costing the upload an attempt', {
  meta: { id: 'claim-database-unavailable' },
}, async ({ airlock, servers }) => {
  let failuresLeft = 3
  const { uploads } = servers.database
  const database = {
    ...servers.database,
    uploads: {
      ...uploads,
      claim: async (...args: Parameters<typeof uploads.claim>) => {
        if (failuresLeft-- > 0) throw new DatabaseUnavailable('Postgres is restarting')
        return uploads.claim(...args)
      },
    },
  }
  airlock.startsWorker({ database })
  const upload = await airlock.accepts(samples.photo)
  expect(await airlock.comesTo('completed', upload)).toMatchObject({ attempt: 1 })
  expect(airlock.log.withMessage('job failed')).toHaveLength(3)
})

const malformed = [
  { what: 'no upload', name: processUploadJob, data: {} },
  { what: 'an invalid upload id', name: processUploadJob, data: { version: 1, upload_id: '../../etc/passwd' } },
  { what: 'an unsupported version', name: processUploadJob, data: { version: 2, upload_id: '01939a6e-0f4c-7c3a-9d2e-5a1b2c3d4e5f' } },
  { what: 'an unknown name', name: 'delete_everything', data: {} },
]

test.for(malformed)('a job with $what fails permanently at once, without delaying others', async ({ name, data }, { airlock, expect }) => {
  airlock.startsWorker()
  const id = await airlock.queues.onLane('images', async (queue) => (await queue.add(name, data, { attempts: 100 })).id ?? '')
  const upload = await airlock.accepts(samples.photo)

  await airlock.comesTo('completed', upload)
  await waitFor(async () => (await airlock.jobState({ id })) === 'failed', { what: 'the malformed job to fail' })

  const job = await airlock.queues.onLane('images', (queue) => queue.getJob(id))
  expect(job).toMatchObject({
    attemptsMade: 1,
    failedReason: expect.stringMatching(/process_upload|unknown job name 'delete_everything'/),
  })
})

test('a job for an unknown upload ends, and leaves nothing', async ({ airlock }) => {
  airlock.startsWorker()
  const id = '01939a6e-0f4c-7c3a-9d2e-5a1b2c3d4e5f'
  await airlock.queues.jobQueue.enqueue('images', { uploadId: id })
  await waitFor(async () => (await airlock.jobState({ id })) === 'gone', { what: 'the job to go' })
  expect(airlock.log.withMessage('job failed')).toEqual([])
})

test('a job whose upload is claimed waits for the end of that lease, and then completes', async ({ airlock, servers }) => {
  const upload = await airlock.accepts(samples.photo)
  const dead = await servers.database.uploads.claim(upload.id, { leaseSeconds: 2 })
  expect(dead).toMatchObject({ claimed: true })
  airlock.startsWorker()

  await waitFor(async () => (await airlock.jobState(upload)) === 'delayed', { what: 'the job to wait' })
  expect(await airlock.of(upload)).toMatchObject({ state: 'processing', attempt: 1 })

  expect(await airlock.comesTo('completed', upload)).toMatchObject({ attempt: 2 })
  expect(await airlock.assetsOf(upload)).toHaveLength(1)
})

test('a job that is delivered on two lanes at once creates one asset', { meta: { id: 'job-delivered-twice' } }, async ({ airlock }) => {
  airlock.startsWorker()
  const upload = await airlock.accepts(samples.photo)
  const payload = { version: 1, upload_id: upload.id }
  await airlock.queues.onLane('images', (queue) =>
    queue.add(processUploadJob, payload, { jobId: 'a-second-delivery', removeOnComplete: true }),
  )
  await airlock.queues.onLane('videos', (queue) =>
    queue.add(processUploadJob, payload, { jobId: 'a-third-delivery', removeOnComplete: true }),
  )

  await airlock.comesTo('completed', upload)
  const gone = async () => [
    await airlock.jobState(upload),
    await airlock.jobState({ id: 'a-second-delivery' }),
    await airlock.jobState({ id: 'a-third-delivery' }, 'videos'),
  ]
  await waitFor(async () => (await gone()).every((state) => state === 'gone' || state === 'delayed'), { what: 'the deliveries to end' })

  expect(await airlock.assetsOf(upload)).toHaveLength(1)
})

test('of two workers with one upload, one waits, and one asset is created', { meta: { id: 'two-workers-one-upload' } }, async ({
  airlock,
}) => {
  const gate = airlock.gate()
  airlock.startsWorker({ store: gate.store, lanes: ['images'], leaseSeconds: 2 })
  const upload = await airlock.accepts(samples.photo)
  await gate.reached
  airlock.startsWorker({ lanes: ['videos'] })
  const second = { version: 1, upload_id: upload.id }
  await airlock.queues.onLane('videos', (queue) =>
    queue.add(processUploadJob, second, { jobId: 'a-second-delivery', removeOnComplete: true }),
  )
  await waitFor(async () => (await airlock.jobState({ id: 'a-second-delivery' }, 'videos')) === 'delayed', {
    what: 'the second worker to wait',
  })

  gate.open()

  expect(await airlock.comesTo('completed', upload)).toMatchObject({ attempt: 1 })
  await waitFor(async () => (await airlock.jobState({ id: 'a-second-delivery' }, 'videos')) === 'gone', { what: 'the second job to end' })
  expect(await airlock.assetsOf(upload)).toHaveLength(1)
})

test('a job whose lock was lost stops its work, and hands the upload back', async ({ airlock }) => {
  const gate = airlock.gate()
  airlock.startsWorker({ store: gate.store, leaseSeconds: 1 })
  const upload = await airlock.accepts(samples.photo)
  const signal = await gate.reached
  const lock = `${airlock.queues.prefix}:airlock-images:${upload.id}:lock`
  const removed = await airlock.queues.onLane('images', async () => airlock.queues.connection().del(lock))
  expect(removed).toBe(1)

  await waitFor(() => signal?.aborted, { what: 'the work to be stopped' })
  gate.open()

  expect(await airlock.comesTo('received', upload)).toMatchObject({ attempt: 1, lastFault: expect.stringContaining('lock lost') })
  expect(await airlock.assetsOf(upload)).toEqual([])
})

test('a worker that lost its claim during the copy creates no asset, changes nothing, and its job ends', async ({ airlock, servers }) => {
  const gate = airlock.gate()
  const worker = airlock.startsWorker({ store: gate.store })
  const upload = await airlock.accepts(samples.photo)
  await gate.reached
  await servers.sql.query(`update uploads set lease_until = now() - interval '1 ms' where id = $1`, [upload.id])
  expect(await servers.database.uploads.claim(upload.id, { leaseSeconds: 60 })).toMatchObject({ claimed: true })
  const before = await airlock.of(upload)
  gate.open()

  await waitFor(async () => (await airlock.jobState(upload)) === 'gone', { what: 'the job to end' })
  expect(await airlock.of(upload)).toEqual(before)
  expect(await airlock.assetsOf(upload)).toEqual([])
  await worker.stop()
})

test('a worker of one lane takes no jobs of another', async ({ airlock }) => {
  airlock.startsWorker({ lanes: ['images'] })
  const video = await airlock.accepts(samples.scene)
  const picture = await airlock.accepts(samples.photo)

  await airlock.comesTo('completed', picture)

  expect(await airlock.of(video)).toMatchObject({ state: 'received', attempt: 0 })
  expect(await airlock.jobState(video, 'videos')).toBe('prioritized') // waiting, in a lane with priorities
})

test('the concurrency of a lane is limited', async ({ airlock, servers }) => {
  let running = 0
  let most = 0
  const store = {
    ...servers.store,
    copyToFinal: async (...args: Parameters<typeof servers.store.copyToFinal>) => {
      most = Math.max(most, ++running)
      try {
        return await servers.store.copyToFinal(...args)
      } finally {
        running -= 1
      }
    },
  }
  const uploads = []
  for (let i = 0; i < 8; i += 1) uploads.push(await airlock.accepts(samples.logo))
  airlock.startsWorker({ store, concurrency: 2 })
  for (const upload of uploads) await airlock.comesTo('completed', upload)
  expect(most).toBeLessThanOrEqual(2)
})
