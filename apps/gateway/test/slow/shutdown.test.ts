import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { privateServer } from '@airlock/testkit'
import pg from 'pg'
import { test as base, expect } from 'vitest'
import { Client, logo } from '../gateway.ts'
import { type RunningProgram, running } from '../program.ts'
import { open } from '../raw.ts'

/** Starts gateways as processes, and stops them after the test. */
const test = base
  .extend(
    'redisUrl',
    { scope: 'file' }, // biome-ignore lint/correctness/noEmptyPattern: Vitest reads the pattern to know what a fixture needs
    async ({}, { onCleanup }) => {
      const redis = await privateServer('redis')
      onCleanup(() => redis.drop())
      return redis.address.url
    },
  )
  .extend('starts', async ({ redisUrl }, { onCleanup }) => {
    const started: RunningProgram[] = []
    onCleanup(async () => {
      await Promise.all(started.map((gateway) => gateway.drop()))
    })
    return async (env: Record<string, string> = {}) => {
      const gateway = await running({ REDIS_URL: redisUrl, ...env })
      started.push(gateway)
      return gateway
    }
  })

const phasesOf = (gateway: RunningProgram) =>
  gateway
    .logged()
    .filter(({ phase }) => phase !== undefined)
    .map(({ phase, msg }) => [phase, msg])

const isListening = (url: string) =>
  fetch(`${url}/health/live`).then(
    () => true,
    () => false,
  )

test('it reports not ready, and still serves requests, before it stops accepting', async ({ starts }) => {
  const gateway = await starts({ SHUTDOWN_NOT_READY_SECONDS: '2' })
  const client = new Client(gateway.url)

  gateway.child.kill('SIGTERM')

  await expect.poll(async () => (await fetch(`${gateway.url}/health/ready`)).status, { timeout: 1500, interval: 20 }).toBe(503)
  const answer = await client.pictures(await logo())
  expect([answer.status, answer.headers.get('connection')]).toEqual([202, 'close'])
  expect((await gateway.ended).code).toBe(0)
  expect(await isListening(gateway.url)).toBe(false)
  const done = 'shutdown phase done'
  expect(phasesOf(gateway)).toEqual([
    ['not ready', done],
    ['drain', done],
    ['flush', done],
    ['close', done],
  ])
})

test('it completes requests in flight after it stopped listening', {
  meta: { id: 'shutdown-serves-requests-in-flight' },
}, async ({ starts }) => {
  const gateway = await starts()
  const request = await beginsUpload(gateway)

  gateway.child.kill('SIGTERM')
  await expect.poll(() => isListening(gateway.url), { interval: 20 }).toBe(false)
  const answer = await request.ends()

  expect(answer).toMatch(/^HTTP\/1\.1 202 /)
  expect((await gateway.ended).code).toBe(0)
})

test('it aborts requests that exceed SHUTDOWN_GRACE_S, accepts none of them, and exits in order', {
  meta: { id: 'shutdown-grace-exceeded' },
}, async ({ starts }) => {
  const gateway = await starts({ SHUTDOWN_GRACE_S: '1' })
  const { socket } = await beginsUpload(gateway)
  const closed = once(socket, 'close')

  const started = performance.now()
  gateway.child.kill('SIGTERM')
  await closed

  expect(performance.now() - started).toBeGreaterThan(900)
  expect((await gateway.ended).code).toBe(0)
  expect(phasesOf(gateway)).toContainEqual(['drain', 'shutdown phase took too long, the next one begins'])
  expect(await statesIn(gateway)).not.toContain('received')
})

test('it writes pending entries of the access log', { meta: { id: 'shutdown-flushes-access-log' } }, async ({ starts }) => {
  const gateway = await starts()
  const client = new Client(gateway.url)
  const asked = Array.from({ length: 20 }, () => randomUUID())
  await Promise.all(asked.map((id) => client.get(`/api/assets/${id}`)))

  gateway.child.kill('SIGTERM')

  expect((await gateway.ended).code).toBe(0)
  const written = await sql<{ asset_id: string }>(gateway, 'select asset_id from asset_access_log')
  expect(written.map((row) => row.asset_id).toSorted()).toEqual(asked.toSorted())
})

test.for([
  ['SIGTERM', 'SIGTERM', 143],
  ['SIGTERM', 'SIGINT', 130],
  ['SIGINT', 'SIGTERM', 143],
] as const)('%s and then %s end it at once, with code %i', async ([first, second, code], { starts }) => {
  const gateway = await starts()
  await beginsUpload(gateway) // an upload in flight, for which the first SIGTERM would wait
  gateway.child.kill(first)
  await expect.poll(() => isListening(gateway.url), { interval: 20 }).toBe(false)

  const started = performance.now()
  gateway.child.kill(second)

  expect((await gateway.ended).code).toBe(code)
  expect(performance.now() - started).toBeLessThan(2000)
  expect(gateway.logged().at(-1)?.msg).toBe('second signal, gateway exits at once')
})

/** Sends the beginning of a form, and waits until the gateway has written its row. */
async function beginsUpload(gateway: RunningProgram): Promise<{ socket: Socket; ends(): Promise<string> }> {
  const { bytes } = await logo()
  const token = await new Client(gateway.url).token()
  const field = '--cut\r\nContent-Disposition: form-data; name="asset_type"\r\n\r\nbrand_image\r\n'
  const file = '--cut\r\nContent-Disposition: form-data; name="files"; filename="logo.png"\r\nContent-Type: image/png\r\n\r\n'
  const body = Buffer.concat([Buffer.from(field + file), bytes, Buffer.from('\r\n--cut--\r\n')])
  const head = [
    'POST /api/upload HTTP/1.1',
    'host: airlock',
    `authorization: Bearer ${token}`,
    'content-type: multipart/form-data; boundary=cut',
    `content-length: ${body.byteLength}`,
    '\r\n',
  ]
  const socket = await open(gateway.url)
  socket.write(head.join('\r\n'))
  socket.write(body.subarray(0, -20))
  await expect.poll(() => statesIn(gateway), { timeout: 5000 }).toContain('receiving')
  const ends = async () => {
    socket.write(body.subarray(-20))
    let answer = ''
    for await (const chunk of socket) answer += chunk
    return answer
  }
  return { socket, ends }
}

const statesIn = async (gateway: RunningProgram): Promise<string[]> =>
  (await sql<{ state: string }>(gateway, 'select state from uploads')).map(({ state }) => state)

async function sql<T extends object>({ databaseUrl }: RunningProgram, text: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  const { rows } = await client.query(text)
  await client.end()
  return rows
}
