import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { JobQueue, queueNames, queuePrefix } from '@airlock/queue'
import { startTelemetry } from '@airlock/telemetry'
import { tokenFor, waitFor, webhookReceiver } from '@airlock/testkit'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { test as base, expect, onTestFinished, vi } from 'vitest'
import { otlpReceiver, type ReceivedSpan } from '../otlp-receiver.ts'
import { jwtSecret, type Service, startServices } from '../services.ts'

/** The traces of both services as processes, at a receiver of OTLP. */

const photo = readFileSync(join(fileURLToPath(new URL('../../', import.meta.url)), 'examples/samples/good/Harbour at dusk.jpg'))

const webhookSecret = Buffer.alloc(32, 7).toString('base64')

const test = base.extend('traced', { scope: 'file' }, async ({ task: _ }: { task?: unknown }, { onCleanup }) => {
  const [receiver, hooks] = await Promise.all([otlpReceiver(), webhookReceiver()])
  const services = await startServices({
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_EXPORTER_OTLP_HEADERS: 'x-key=key-of-the-receiver',
    OTEL_BSP_SCHEDULE_DELAY: '50',
    WEBHOOK_URLS: `${hooks.url}?key=key-of-the-endpoint`,
    WEBHOOK_ALLOW_PRIVATE: 'true',
    WEBHOOK_SECRETS: `whsec_${webhookSecret}`,
  })
  onCleanup(async () => {
    await services.close()
    await Promise.all([receiver.close(), hooks.close()])
  })
  return { ...services, receiver, hooks }
})

const token = tokenFor(randomUUID(), jwtSecret)

/** @returns the id of the upload */
async function uploads({ url }: Service, headers: Record<string, string> = {}): Promise<string> {
  const form = new FormData()
  form.set('asset_type', 'brand_image')
  form.set('files', new Blob([photo], { type: 'image/jpeg' }), 'harbour.jpg')
  const answer = await fetch(`${url}/api/upload`, { method: 'POST', body: form, headers: { authorization: `Bearer ${token}`, ...headers } })
  const body = (await answer.json()) as { uploads: { upload_id: string }[] }
  expect(answer.status).toBe(202)
  return body.uploads[0]?.upload_id ?? ''
}

/** The spans of the trace of an upload, when its event was delivered. */
function traceOf(uploadId: string, spans: readonly ReceivedSpan[]): Promise<ReceivedSpan[]> {
  const isComplete = () =>
    ['POST /api/upload', 'process airlock-images', 'deliver webhook', 'relay event'].every((name) =>
      trace().some((span) => span.name === name),
    )
  const trace = () => {
    const added = spans.find((span) => span.name.startsWith('add ') && span.attributes['airlock.upload.id'] === uploadId)
    return spans.filter(({ traceId }) => traceId === added?.traceId)
  }
  return waitFor(async () => (isComplete() ? trace() : null), { what: `the trace of upload ${uploadId}`, timeoutMs: 30_000 })
}

/** The spans as `parent > span`, without repetitions. */
function edgesOf(trace: readonly ReceivedSpan[]): string[] {
  const names = new Map(trace.map(({ spanId, service, name }) => [spanId, `${service} ${name}`]))
  const edges = trace.map(({ parentSpanId, spanId }) => `${names.get(parentSpanId) ?? parentSpanId} > ${names.get(spanId)}`)
  return [...new Set(edges.map((edge) => edge.replaceAll('airlock-gateway', 'gateway').replaceAll('airlock-worker', 'worker')))]
}

// The first test waits for both processes to start.
test('one trace has all of an upload, from the request to the webhook', { timeout: 120_000 }, async ({ traced }) => {
  const { gateway, worker, receiver, hooks } = traced
  const uploadId = await uploads(gateway)

  const trace = await traceOf(uploadId, receiver.spans)

  expect(edgesOf(trace)).toEqual(
    expect.arrayContaining([
      ' > gateway POST /api/upload',
      'gateway POST /api/upload > gateway select uploads_register',
      'gateway POST /api/upload > gateway S3 PutObject',
      'gateway POST /api/upload > gateway update uploads',
      'gateway POST /api/upload > gateway add airlock-images.process_upload',
      'gateway add airlock-images.process_upload > worker process airlock-images',
      'worker process airlock-images > worker select uploads_claim',
      'worker process airlock-images > worker inspect',
      // requested before an inspector is free
      'worker process airlock-images > worker S3 GetObject',
      'worker process airlock-images > worker copy',
      'worker copy > worker S3 CopyObject',
      'worker process airlock-images > worker complete',
      'worker complete > worker update uploads',
      'gateway POST /api/upload > worker relay event',
      'gateway POST /api/upload > worker deliver webhook',
    ]),
  )
  expect(trace.filter(({ failed }) => failed)).toEqual([])
  const { traceId } = trace[0] as ReceivedSpan
  expect(hooks.messages.at(-1)?.headers.traceparent).toBe(
    `00-${traceId}-${trace.find(({ name }) => name === 'deliver webhook')?.spanId}-01`,
  )
  const logged = () => [...gateway.logged(), ...worker.logged()].filter((line) => line.trace_id === traceId).map(({ msg }) => msg)
  // log lines are written in batches, so the last one may come after its span
  await expect
    .poll(logged, { timeout: 5000 })
    .toEqual(expect.arrayContaining(['upload accepted', 'request answered', 'upload inspected', 'upload completed', 'event delivered']))
})

test("the client's traceparent is the parent, and an invalid one is ignored", async ({ traced: { gateway, receiver } }) => {
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
  const continued = await uploads(gateway, { traceparent: `00-${traceId}-00f067aa0ba902b7-01` })
  const hostile = [`00-${'0'.repeat(32)}-00f067aa0ba902b7-01`, `00-${'f'.repeat(5000)}-01`, '\u00e9', `ff-${traceId}-00f067aa0ba902b7-01`]
  const others = await Promise.all(hostile.map((traceparent) => uploads(gateway, { traceparent })))

  const server = (await traceOf(continued, receiver.spans)).find(({ kind }) => kind === 2)
  expect(server).toMatchObject({ traceId, parentSpanId: '00f067aa0ba902b7' })
  for (const id of others) {
    const trace = await traceOf(id, receiver.spans)
    expect(trace.find(({ kind }) => kind === 2)?.parentSpanId).toBe('')
    // also what their inspectors read at the same time
    const read = trace.filter(({ name }) => name === 'S3 GetObject').map(({ attributes }) => attributes['aws.s3.key'])
    expect(new Set(read)).toEqual(new Set([`quarantine/${id}`]))
  }
})

test('a job with hostile telemetry metadata is processed like any other', { meta: { id: 'hostile-telemetry-metadata' } }, async ({
  traced: { gateway, receiver, redisUrl },
}) => {
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: null })
  const queue = new Queue(queueNames.images, { connection: redis, prefix: queuePrefix })
  const metadata = ['{', 'null', '"x"', '[]', '{"traceparent":7}', '{"traceparent":"00-x"}', 'x'.repeat(100_000), 5, { a: 1 }]
  const ids = metadata.map(() => randomUUID())
  const jobs = metadata.map((given, i) =>
    queue.add(
      'process_upload',
      { version: 1, upload_id: ids[i] },
      { jobId: ids[i] as string, telemetry: { metadata: given as string }, removeOnComplete: false },
    ),
  )
  const states = async () => Promise.all((await Promise.all(jobs)).map((job) => job.getState()))

  // uploads that don't exist: each job completes with nothing to do
  await waitFor(async () => (await states()).every((state) => state === 'completed'), { what: 'the jobs to complete', timeoutMs: 20_000 })
  await queue.close()
  redis.disconnect()
  await traceOf(await uploads(gateway), receiver.spans)
  for (const id of ids) expect(receiver.spans.find((span) => span.attributes['airlock.upload.id'] === id)?.parentSpanId).toBe('')
})

test('a job that is enqueued again is processed in the trace of its row', async ({ traced: { receiver, redisUrl } }) => {
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', receiver.url)
  vi.stubEnv('OTEL_EXPORTER_OTLP_PROTOCOL', 'http/json')
  const telemetry = await startTelemetry(process.env, { serviceName: 'sweeper', version: '1' })
  const jobQueue = new JobQueue({ redisUrl, onError: () => {}, telemetry: telemetry.queue })
  onTestFinished(async () => {
    await Promise.all([jobQueue.close(), telemetry.shutDown()])
    vi.unstubAllEnvs()
  })
  await jobQueue.ready()
  const [uploadId, traceId] = [randomUUID(), 'a'.repeat(32)]
  const another = { name: 'of another upload', traceparent: null }
  await telemetry.continueTrace(another, () =>
    jobQueue.ensureEnqueued('images', { uploadId, traceparent: `00-${traceId}-00f067aa0ba902b7-01` }),
  )

  const processed = () =>
    receiver.spans.find(({ name, attributes }) => name.startsWith('process') && attributes['airlock.upload.id'] === uploadId)
  expect(await waitFor(async () => processed(), { what: 'the job to be processed', timeoutMs: 20_000 })).toMatchObject({ traceId })
})

test('requests of health checks and metrics, and idle workers, make no spans', async ({ traced: { gateway, receiver } }) => {
  await Promise.all(['/health/live', '/health/ready', '/api/health'].map((path) => fetch(`${gateway.url}${path}`)))
  await traceOf(await uploads(gateway), receiver.spans)

  const roots = receiver.spans.filter(({ parentSpanId, service }) => parentSpanId === '' && service !== 'sweeper').map(({ name }) => name)
  expect([...new Set(roots)].toSorted()).toEqual(['POST /api/upload', 'process airlock-images'])
})

test('spans contain no secret and no text of a client', async ({ traced: { gateway, receiver } }) => {
  const authorization = `Bearer ${token}`
  for (const path of ['/api/assets?cursor=text-of-a-query', '/api/jobs/text-of-a-path', '/text-of-a-path'])
    await fetch(`${gateway.url}${path}`, { headers: { authorization, cookie: 'cookie=text-of-a-cookie' } })
  await waitFor(async () => receiver.spans.some(({ name }) => name === 'GET unknown'), { what: 'the last span', timeoutMs: 10_000 })

  expect(receiver.spans.map(({ name }) => name)).toEqual(expect.arrayContaining(['GET /api/assets', 'GET /api/jobs/:id']))
  expect(receiver.text().match(/.{60}(text-of-a|key-of-the|Bearer|X-Amz-|Signature|whsec).{20}/g)).toBeNull()
  for (const secret of [token, jwtSecret, webhookSecret]) expect(receiver.text()).not.toContain(secret)
})

test('a receiver that does not answer affects no upload and no shutdown, and is logged once a minute', {
  meta: { id: 'trace-receiver-silent' },
  timeout: 120_000,
}, async () => {
  const silent = createServer(() => {})
  await once(silent.listen(0, '127.0.0.1'), 'listening')
  const services = await startServices({
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(silent.address() as AddressInfo).port}`,
    OTEL_EXPORTER_OTLP_TIMEOUT: '300',
    OTEL_BSP_SCHEDULE_DELAY: '50',
    OTEL_BSP_MAX_QUEUE_SIZE: '20',
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '10',
  })
  onTestFinished(async () => {
    silent.closeAllConnections()
    silent.close()
    await services.close()
  })
  const { gateway, worker } = services
  const logged = (service: Service, message: string) => service.logged().filter(({ msg }) => msg === message)

  for (let i = 0; i < 10; i += 1) await uploads(gateway)

  await waitFor(async () => logged(worker, 'upload completed').length === 10, { what: 'the uploads to complete', timeoutMs: 30_000 })
  for (const service of [gateway, worker]) {
    await waitFor(async () => logged(service, 'traces not exported').length > 0, {
      what: `a report of the ${service.name}`,
      timeoutMs: 10_000,
    })
    expect(logged(service, 'traces not exported')).toHaveLength(1)
    const begun = performance.now()
    await service.stop()
    expect(performance.now() - begun).toBeLessThan(10_000)
    expect(logged(service, `${service.name} stopped`)).toHaveLength(1)
  }
})
