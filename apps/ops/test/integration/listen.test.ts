import http from 'node:http'
import { type Database, openDatabase } from '@airlock/database'
import { answering, givenStack, isolatedBucket, isolatedDatabase, type WebhookReceiver, waitFor, webhookReceiver } from '@airlock/testkit'
import { Client } from 'pg'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { UsageError } from '../../src/command.ts'
import { listen } from '../../src/commands/listen/index.ts'
import { type GatewayProcess, startGatewayProcess } from '../gateway-process.ts'

const jwtSecret = 'a secret of these tests that is long enough'
const silent = { info: () => {}, warn: () => {} }

let env: Record<string, string>
let gateway: GatewayProcess
let database: Database
let writesEvent: () => Promise<string>
const ends: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  const [place, bucket] = await Promise.all([isolatedDatabase(), isolatedBucket()])
  env = {
    DATABASE_URL: place.url,
    REDIS_URL: givenStack().redis.url,
    S3_ENDPOINT: bucket.endpoint,
    S3_REGION: bucket.region,
    S3_FORCE_PATH_STYLE: 'true',
    S3_BUCKET_NAME: bucket.bucket,
    S3_SSE: 'none',
    AWS_ACCESS_KEY_ID: bucket.accessKeyId,
    AWS_SECRET_ACCESS_KEY: bucket.secretAccessKey,
    JWT_SECRET: jwtSecret,
  }
  const options = { poolSize: 2, statementTimeoutMs: 5000, connectTimeoutMs: 3000, applicationName: 'airlock-tests', log: silent }
  database = await openDatabase({ url: place.url, ...options })
  const sql = new Client({ connectionString: place.url })
  await sql.connect()
  writesEvent = async () => {
    const insert = `insert into events (type, upload_id, sequence, user_id, payload)
      values ('upload.completed', gen_random_uuid(), 1, gen_random_uuid(), '{"filename": "größe.png"}') returning id`
    const { rows } = await sql.query(insert)
    await placesAll()
    return rows[0].id
  }
  gateway = await startGatewayProcess(env)
  ends.push(
    () => gateway.kill(),
    () => database.close(),
    () => sql.end(),
    place.drop,
    bucket.drop,
  )
})
afterAll(async () => {
  for (const end of ends) await end()
})

/** Relays events, as a worker does. */
async function placesAll(): Promise<void> {
  await database.eventRelay.place({ limit: 100 })
}

let program: WebhookReceiver

beforeEach(async () => {
  program = await webhookReceiver()
  return () => program.close()
})

/** Runs `ops listen` until the end of the test. */
function listens(...args: string[]) {
  const [out, err]: [string[], string[]] = [[], []]
  const stop = new AbortController()
  const io = { env, out: (text: string) => out.push(text), err: (text: string) => err.push(text) }
  const ended = listen(['--forward', program.url, '--url', gateway.url, ...args], io, stop.signal)
  ended.catch(() => {}) // a test that awaits `ended` gets its error
  onTestFinished(async () => {
    stop.abort()
    await ended.catch(() => {})
  })
  return { out, err, ended, stop: () => stop.abort() }
}

test('events are sent to the program as by Airlock, and its responses are shown', async () => {
  const secret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`
  const id = await writesEvent()
  const { out, ended, stop } = listens('--secret', secret, '--from', 'oldest')
  await waitFor(() => program.messages.some((message) => message.id === id), { what: 'the event', timeoutMs: 15_000 })

  const message = program.messages.find((one) => one.id === id)
  const event = new Webhook(secret).verify(message?.body ?? '', message?.headers as Record<string, string>)
  expect(event).toMatchObject({ type: 'upload.completed', data: { event_id: id, filename: 'größe.png' } })
  await waitFor(() => out.some((line) => /^\S+Z upload\.completed /.test(line) && new RegExp(`${id} → 204 in \\d+ ms$`).test(line)), {
    what: 'the line',
  })
  expect(out[0]).toBe(`Forwarding events of ${gateway.url} to ${program.url}`)
  stop()
  expect(await ended).toBe(0)
})

test('without a secret one is generated and shown, and only new events are sent', async () => {
  await writesEvent()
  const { out } = listens()
  const [, secret = ''] = /signed with (whsec_\S+)$/.exec(out[0] ?? '') ?? []
  const ids: string[] = []
  await waitFor(async () => ids.push(await writesEvent()) && program.messages.length > 0, { what: 'a new event', everyMs: 200 })
  const [message] = program.messages
  expect(ids).toContain(message?.id)
  expect(() => new Webhook(secret).verify(message?.body ?? '', message?.headers as Record<string, string>)).not.toThrow()
})

test('--json prints an object on each line, and notices elsewhere', async () => {
  const id = await writesEvent()
  const { out, err } = listens('--from', 'oldest', '--json')
  await waitFor(() => out.some((line) => line.includes(id)), { what: 'the event' })
  const event = out.map((line) => JSON.parse(line)).find(({ event_id: one }) => one === id)
  expect(event).toMatchObject({ type: 'upload.completed', status: 204, error: null, ms: expect.any(Number) })
  expect(err[0]).toMatch(/^Forwarding events of /)
})

test('a program that is down or fails is reported, and does not end the command', async () => {
  const { out } = listens('--from', 'oldest')
  await waitFor(() => out.length > 1, { what: 'the existing events' })
  program.answers(answering.status(500))
  const failed = await writesEvent()
  await waitFor(() => out.some((line) => line.includes(`${failed} → 500 in`)), { what: 'its failure' })
  await program.close()
  const missed = await writesEvent()
  await waitFor(() => out.some((line) => line.includes(missed) && line.includes('ECONNREFUSED')), { what: 'its refused connection' })
})

test('it continues after a restart of Airlock, without missing events', { timeout: 90_000 }, async () => {
  const { out, err } = listens('--from', 'oldest')
  await waitFor(() => out.length > 1, { what: 'the existing events' })
  await gateway.kill()
  await waitFor(() => err.length === 1, { what: 'the report that Airlock does not respond' })
  expect(err[0]).toMatch(/^Airlock does not respond \(.+\), retrying$/)
  const id = await writesEvent()
  gateway = await startGatewayProcess({ ...env, PORT: String(gateway.port) })

  await waitFor(() => out.some((line) => line.includes(`${id} → 204`)), { what: 'the event', timeoutMs: 15_000 })
  expect(err.slice(1)).toEqual(['Airlock responds again'])
  expect(program.messages.filter((message) => message.id === id)).toHaveLength(1)
})

test('a refusal ends it with the reason', async () => {
  const { err, ended } = listens('--token', 'none')
  expect(await ended).toBe(1)
  expect(err).toEqual([expect.stringMatching(/^Airlock refused the request: 401 \w+, /)])
})

test('another server than Airlock is retried with increasing delays', async () => {
  let asked = 0
  const other = http.createServer((_, response) => response.writeHead(++asked % 2 ? 502 : 429).end('<html>'))
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void other.close())
  const { port } = other.address() as { port: number }
  const { err } = listens('--url', `http://127.0.0.1:${port}`)
  await waitFor(() => asked > 2, { what: 'a third query' })
  expect(err).toEqual(['Airlock does not respond (status 502), retrying'])
})

test.for([
  [[], '--forward is missing'],
  [['--forward', 'localhost:4000'], `--forward is 'localhost:4000'`],
  [['--forward', 'http://localhost:4000', '--url', 'airlock'], `--url is 'airlock'`],
  [['--forward', 'http://localhost:4000', '--secret', 'whsec_x'], '--secret must be whsec_'],
  [['--forward', 'http://localhost:4000', '--from', 'yesterday'], `--from is 'yesterday'`],
] as const)('%j is a usage error with a remedy', async ([args, message], { expect }) => {
  const io = { env, out: () => {}, err: () => {} }
  const listening = listen([...args], io, AbortSignal.abort())
  await expect(listening).rejects.toThrow(message)
  await expect(listening).rejects.toBeInstanceOf(UsageError)
})

test('without JWT_SECRET it requires a token', async () => {
  const io = { env: {}, out: () => {}, err: () => {} }
  await expect(listen(['--forward', program.url], io, AbortSignal.abort())).rejects.toThrow('--token is missing')
})
