import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { ROOT_CONTEXT } from '@opentelemetry/api'
import { SpanKind } from 'bullmq'
import Fastify from 'fastify'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { noTelemetry, startTelemetry, type Telemetry } from '../../src/index.ts'

interface ExportedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly status: { readonly code?: number }
  readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue?: string } }[]
}

interface Export {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly ExportedSpan[] }[] }[]
}

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const traceparent = `00-${traceId}-00f067aa0ba902b7-01`

let exported: ExportedSpan[] = []
const receiver = createServer(async (request, response) => {
  const { resourceSpans } = (await json(request)) as Export
  exported.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)))
  response.end('{}')
})
let telemetry: Telemetry = noTelemetry

beforeAll(async () => {
  await once(receiver.listen(0, '127.0.0.1'), 'listening')
})
afterAll(() => void receiver.close().closeAllConnections())
beforeEach(async () => {
  exported = []
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`)
  vi.stubEnv('OTEL_EXPORTER_OTLP_PROTOCOL', 'http/json')
  telemetry = await startTelemetry(process.env, { serviceName: 'test', version: '1' })
})
afterEach(async () => {
  await telemetry.shutDown()
  vi.unstubAllEnvs()
})

/** All spans, after the last export. */
async function spans(): Promise<readonly ExportedSpan[]> {
  await telemetry.shutDown()
  return exported
}

const attributesOf = (span: ExportedSpan | undefined) =>
  Object.fromEntries((span?.attributes ?? []).map(({ key, value }) => [key, value.stringValue]))

test('a request is a span of the trace of its client, with the route instead of the path', async () => {
  const app = Fastify()
  if (telemetry.requests === null) throw new Error('tracing is on')
  await app.register(telemetry.requests)
  let fields: object = {}
  app.addHook('onResponse', async (request) => {
    fields = telemetry.fieldsOf(request)
  })
  app.get('/api/jobs/:id', () => ({}))
  app.get('/api/health', () => ({}))
  app.get('/fails', () => {
    throw new Error('secret of the message')
  })
  for (const url of ['/api/jobs/secret-id?token=secret', '/api/health', '/fails'])
    await app.inject({ url, headers: url === '/fails' ? {} : { traceparent } })
  await app.close()

  const [job, failed, ...others] = await spans()

  expect(others).toEqual([])
  expect(job).toMatchObject({ traceId, parentSpanId: '00f067aa0ba902b7', name: 'GET /api/jobs/:id' })
  expect(attributesOf(job)).toMatchObject({ 'url.path': '/api/jobs/:id', 'airlock.request.id': expect.any(String) })
  expect(failed).toMatchObject({ name: 'GET /fails', status: { code: 2 } })
  expect(fields).toEqual({ trace_id: failed?.traceId, span_id: failed?.spanId })
  expect(JSON.stringify([job, failed])).not.toContain('secret')
})

test('a job is processed as a child of the span that added it, with the attributes for messaging', async () => {
  const { tracer, contextManager } = queueOf(telemetry)
  const add = tracer.startSpan('add job', { kind: SpanKind.PRODUCER })
  const metadata = contextManager.getMetadata(add.setSpanOnContext(ROOT_CONTEXT))
  const process = tracer.startSpan('process job', { kind: SpanKind.CONSUMER }, contextManager.fromMetadata(ROOT_CONTEXT, metadata))
  process.setAttributes({ 'bullmq.queue.name': 'airlock-images', 'bullmq.job.id': 'an-upload', 'bullmq.queue.operation': 'process' })
  process.addEvent?.('job failed', { 'bullmq.job.failed.reason': 'secret' })
  process.recordException?.(new Error('secret'))
  process.end()
  add.end()

  const [processed, added] = await spans()

  expect(processed).toMatchObject({ traceId: added?.traceId, parentSpanId: added?.spanId, status: { code: 2 } })
  expect(attributesOf(processed)).toMatchObject({
    'messaging.system': 'bullmq',
    'messaging.operation.type': 'process',
    'messaging.destination.name': 'airlock-images',
    'messaging.message.id': 'an-upload',
    'airlock.upload.id': 'an-upload',
  })
  expect(JSON.stringify(processed)).not.toContain('secret')
})

test.for(['', 'no JSON', 'null', '{"traceparent":7}', '{"traceparent":"x"}', `{"traceparent":"${traceparent}","a":"${'x'.repeat(1e6)}"}`])(
  'the metadata %.20s of a job begins no trace, and is no error',
  (metadata) => {
    const { contextManager } = queueOf(telemetry)
    expect(contextManager.fromMetadata(ROOT_CONTEXT, metadata)).toBe(ROOT_CONTEXT)
  },
)

test('a poll of an idle worker is no span', async () => {
  const { tracer } = queueOf(telemetry)
  const poll = tracer.startSpan('moveToActive', { kind: SpanKind.INTERNAL })
  expect(poll.setSpanOnContext(ROOT_CONTEXT)).toBe(ROOT_CONTEXT)
  poll.setAttribute('bullmq.queue.name', 'airlock-images')
  poll.end()
  expect(await spans()).toEqual([])
})

test('what is annotated or marked as failed is on the active span, which a stored one is linked to', async () => {
  await telemetry.continueTrace({ name: 'deliver', traceparent, onlyLinked: true, startedAt: new Date(0) }, async () => {
    telemetry.annotate({ 'airlock.endpoint': 'shop.example.com' })
    telemetry.markFailed('timeout')
    await telemetry.trace({ name: 'post', kind: 'client' }, async () => {})
  })

  const [post, deliver] = await spans()

  expect(deliver).toMatchObject({
    name: 'deliver',
    status: { code: 2 },
    startTimeUnixNano: expect.toSatisfy((at) => Number(at) === 0),
    links: [{ traceId }],
  })
  expect(deliver?.traceId).not.toBe(traceId)
  expect(post).toMatchObject({ traceId: deliver?.traceId, parentSpanId: deliver?.spanId })
  expect(attributesOf(deliver)).toMatchObject({ 'airlock.endpoint': 'shop.example.com', 'error.type': 'timeout' })
})

function queueOf({ queue }: Telemetry): NonNullable<Telemetry['queue']> {
  if (queue === undefined) throw new Error('tracing is on')
  return queue
}
