import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { queuePrefix } from '@airlock/queue'
import { privateServer, waitFor } from '@airlock/testkit'
import { openQueues, type Servers } from '@airlock/testkit/airlock'
import { samples } from '@airlock/testkit/samples'
import { onTestFinished } from 'vitest'
import { Airlock, test } from '../airlock.ts'
import { startWorkerProcess, type WorkerProcess } from '../worker-process.ts'

/** A worker of production uses the real queue names, so it gets a private Redis. Its store never responds. */
async function startsWorker(servers: Servers, env: Record<string, string> = {}): Promise<{ airlock: Airlock; worker: WorkerProcess }> {
  const redis = await privateServer('redis')
  onTestFinished(() => redis.drop())
  const queues = await openQueues(redis.address.url, queuePrefix)
  onTestFinished(() => queues.close())
  const worker = await startWorkerProcess({
    DATABASE_URL: servers.databaseUrl,
    REDIS_URL: redis.address.url,
    S3_ENDPOINT: await silentStore(),
    S3_BUCKET_NAME: servers.bucket.bucket,
    S3_FORCE_PATH_STYLE: 'true',
    S3_SSE: 'none',
    AWS_ACCESS_KEY_ID: 'key',
    AWS_SECRET_ACCESS_KEY: 'secret',
    ...env,
  })
  onTestFinished(() => worker.kill())
  return { airlock: new Airlock(servers, queues), worker }
}

async function silentStore(): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => sockets.add(socket.on('error', () => {})))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const stops = (worker: WorkerProcess) =>
  waitFor(() => worker.logged().some(({ phase }) => phase === 'stop taking'), { what: 'the worker to stop taking jobs', timeoutMs: 20_000 })

test('SIGTERM ends it in phases with code 0; jobs beyond SHUTDOWN_GRACE_S are handed back', {
  timeout: 60_000,
}, async ({ servers, expect }) => {
  const { airlock, worker } = await startsWorker(servers, { SHUTDOWN_GRACE_S: '1' })
  const upload = await airlock.accepts(samples.photo)
  await airlock.comesTo('processing', upload)

  worker.signal('SIGTERM')

  expect(await worker.ended).toBe(0)
  expect(worker.logged().flatMap(({ phase, msg }) => (phase === undefined ? [] : [[phase, msg]]))).toEqual([
    ['stop taking', 'shutdown phase done'],
    ['drain', 'shutdown phase took too long, the next one begins'],
    ['hand back', 'shutdown phase done'],
    ['close', 'shutdown phase done'],
  ])
  expect(worker.logged().at(-1)?.msg).toBe('worker stopped')
  expect(await airlock.of(upload)).toMatchObject({ state: 'received', attempt: 1, handedBack: 1, lastFault: null })
  expect(await airlock.jobState(upload)).toBe('waiting')
})

test.for([
  ['SIGTERM', 'SIGTERM', 143],
  ['SIGINT', 'SIGINT', 130],
] as const)(
  '%s and then %s end it at once with code %i, even while a job runs',
  { meta: { id: 'second-signal-ends-at-once' }, timeout: 60_000 },
  async ([first, second, code], { servers, expect }) => {
    const { airlock, worker } = await startsWorker(servers)
    await airlock.comesTo('processing', await airlock.accepts(samples.photo))
    worker.signal(first)
    await stops(worker)

    worker.signal(second)

    expect(await worker.ended).toBe(code)
    expect(worker.logged().at(-1)?.msg).toBe('second signal, worker exits at once')
    expect(worker.logged()).not.toContainEqual(expect.objectContaining({ phase: 'drain' }))
  },
)
