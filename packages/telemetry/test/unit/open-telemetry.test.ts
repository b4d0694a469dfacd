import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest'
import { noTelemetry, startTelemetry, type Telemetry } from '../../src/index.ts'

const entry = fileURLToPath(new URL('../../src/index.ts', import.meta.url))
const stored = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

/** A receiver that answers, unless a test wants it not to. */
let answers = true
const receiver = createServer((request, response) => {
  request.resume()
  if (answers) response.end()
})
let telemetry: Telemetry = noTelemetry

const start = async (env: Record<string, string> = {}) => {
  if (!receiver.listening) await once(receiver.listen(0, '127.0.0.1'), 'listening')
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`)
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
  telemetry = await startTelemetry(process.env, { serviceName: 'test', version: '1' })
  return telemetry
}

afterAll(() => void receiver.close())
beforeEach(() => void vi.stubEnv('OTEL_BSP_SCHEDULE_DELAY', '10'))
afterEach(async () => {
  answers = true
  receiver.closeAllConnections()
  await telemetry.shutDown()
  vi.unstubAllEnvs()
})

test('without the variables no library of OpenTelemetry is loaded', () => {
  const program = `
    const { startTelemetry, noTelemetry } = await import(${JSON.stringify(entry)})
    const started = await startTelemetry(process.env, { serviceName: 'test', version: '1' })
    const loaded = Object.keys((await import('node:module')).default._cache).filter((path) => /opentelemetry|otel/.test(path.split('node_modules')[1] ?? ''))
    console.log(JSON.stringify({ off: started === noTelemetry, loaded }))`
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    env: { PATH: process.env.PATH, OTEL_SERVICE_NAME: 'x' },
    encoding: 'utf8',
  })
  expect(JSON.parse(stdout)).toEqual({ off: true, loaded: [] })
})

test('a stored trace is continued, and an invalid one begins a new trace', async () => {
  const { continueTrace, traceparent } = await start()
  const within = (given: string | null) => continueTrace({ name: 'work', traceparent: given }, async () => traceparent())

  expect(await within(stored)).toMatch(/^00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-01$/)
  for (const invalid of [null, '', stored.replace('00-', 'ff-'), `${stored}-more`, 'x'.repeat(1e6), '\0'])
    expect(await within(invalid)).toMatch(/^00-(?!4bf9)[0-9a-f]{32}-[0-9a-f]{16}-01$/)
  expect(await within(`01-${stored.slice(3)}-more`), 'a later version').toHaveLength(55)
  expect(traceparent()).toBeNull()
})

test('a trace that is not sampled stays so', async () => {
  const { continueTrace, traceparent, logOptions } = await start()
  const unsampled = stored.replace(/1$/, '0')
  expect(await continueTrace({ name: 'work', traceparent: unsampled }, async () => [traceparent(), logOptions.mixin?.()])).toEqual([
    expect.stringMatching(/-00$/),
    {},
  ])
})

test('what runs within a span that has ended does not belong to its trace', async () => {
  const { continueTrace, trace, traceparent, logOptions } = await start()
  let later: () => Promise<unknown> = async () => {}
  await continueTrace({ name: 'request', traceparent: null }, async () => {
    later = telemetry.bind(() => trace({ name: 'a poll', kind: 'client' }, async () => [traceparent() !== null, logOptions.mixin?.()]))
    expect(await later()).toEqual([true, { trace_id: expect.any(String), span_id: expect.any(String) }])
  })
  expect(await later()).toEqual([true, {}])
})

test('the error of the work is thrown unchanged', async () => {
  const { continueTrace } = await start()
  const error = new Error('of the work')
  await expect(continueTrace({ name: 'work', traceparent: null }, () => Promise.reject(error))).rejects.toBe(error)
})

test('a receiver that never answers delays the shutdown by two seconds at most', async () => {
  const { continueTrace } = await start()
  answers = false
  for (let i = 0; i < 10_000; i += 1) await continueTrace({ name: 'work', traceparent: null }, async () => i)
  const begun = performance.now()
  await telemetry.shutDown()
  expect(performance.now() - begun).toBeLessThan(4000)
})

test('OTEL_PROPAGATORS=none does not affect stored traces', async () => {
  const { continueTrace, traceparent } = await start({ OTEL_PROPAGATORS: 'none' })
  expect(await continueTrace({ name: 'work', traceparent: stored }, async () => traceparent())).toContain(
    '4bf92f3577b34da6a3ce929d0e0e4736',
  )
})
