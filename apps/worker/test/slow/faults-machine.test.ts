import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { queuePrefix } from '@airlock/queue'
import { givenStack, privateServer, waitFor } from '@airlock/testkit'
import { openQueues, storeOptions } from '@airlock/testkit/airlock'
import { samples } from '@airlock/testkit/samples'
import { expect, onTestFinished } from 'vitest'
import { Airlock, test } from '../airlock.ts'
import type { BlockingWorkerSettings, WorkerMessage } from '../blocking-worker.ts'
import { startWorkerProcess } from '../worker-process.ts'

/** A worker in a separate process whose event loop is blocked by its first copy. */
function blockingWorker({ servers, queues }: Airlock, { leaseSeconds, blocksForMs }: { leaseSeconds: number; blocksForMs: number }) {
  const settings: BlockingWorkerSettings = {
    databaseUrl: servers.databaseUrl,
    redisUrl: queues.redisUrl,
    prefix: queues.prefix,
    store: storeOptions(servers.bucket),
    leaseSeconds,
    blocksForMs,
  }
  const child = fork(fileURLToPath(new URL('../blocking-worker.ts', import.meta.url)), [JSON.stringify(settings)])
  const messages: WorkerMessage[] = []
  child.on('message', (message: WorkerMessage) => messages.push(message))
  const gone = new Promise((resolve) => child.once('exit', resolve))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await gone
  })
  const reports = (expected: WorkerMessage) =>
    waitFor(() => messages.some((message) => JSON.stringify(message) === JSON.stringify(expected)), {
      what: `the message ${JSON.stringify(expected)} of the worker`,
      timeoutMs: 20_000,
      everyMs: 20,
    })
  return { messages, reports }
}

test('a worker whose event loop is blocked beyond its lock and its lease loses its claim, and changes nothing when it continues', {
  meta: { id: 'blocked-worker-beyond-lease' },
  timeout: 60_000,
}, async ({ airlock }) => {
  const worker = blockingWorker(airlock, { leaseSeconds: 1, blocksForMs: 8000 })
  await worker.reports('ready')
  const upload = await airlock.accepts(samples.photo)
  await worker.reports('blocked')

  airlock.startsWorker({ leaseSeconds: 1 })

  expect(await airlock.comesTo('completed', upload)).toMatchObject({ attempt: 2 })
  expect(worker.messages).not.toContain('continues')
  const [asset] = await airlock.assetsOf(upload)
  await worker.reports({ line: 'another attempt owns the upload' })
  expect(await airlock.of(upload)).toMatchObject({ state: 'completed', attempt: 2 })
  expect(await airlock.assetsOf(upload)).toEqual([asset])
  expect(await airlock.servers.store.head(upload.finalKey ?? '')).toMatchObject({ sizeBytes: upload.sizeBytes })
  await waitFor(async () => (await airlock.jobState(upload)) === 'gone', { what: 'the job to go' })
})

test('a worker without a writable file system or temporary folder inspects and promotes files of every kind', {
  meta: { id: 'worker-without-writable-disk' },
  timeout: 60_000,
}, async ({ servers }) => {
  // A worker of production uses the real queue names, so it gets a private Redis.
  const redis = await privateServer('redis')
  onTestFinished(() => redis.drop())
  const queues = await openQueues(redis.address.url, queuePrefix)
  onTestFinished(() => queues.close())
  const airlock = new Airlock(servers, queues)
  const { s3 } = givenStack()
  const worker = await startWorkerProcess(
    {
      TMPDIR: '/dev/null/no-folder',
      DATABASE_URL: servers.databaseUrl,
      REDIS_URL: redis.address.url,
      S3_ENDPOINT: s3.endpoint,
      S3_REGION: s3.region,
      S3_BUCKET_NAME: servers.bucket.bucket,
      S3_FORCE_PATH_STYLE: 'true',
      S3_SSE: 'AES256',
      AWS_ACCESS_KEY_ID: s3.accessKeyId,
      AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
    },
    { limits: '-f 0' },
  )
  onTestFinished(() => worker.kill())

  for (const sample of [samples.photo, samples.scene, samples.boats]) {
    const upload = await airlock.accepts(sample)
    expect(await airlock.comesTo('completed', upload, 30_000), sample.filename).toMatchObject({ attempt: 1, lastFault: null })
  }
  await waitFor(async () => (await airlock.quarantine()).length === 0, { what: 'quarantine to be empty' })
})
