import { type Endpoint, endpointOf } from '@airlock/notifications'
import { answering, type ReceivedMessage, type ReceiverOptions, type WebhookReceiver, waitFor, webhookReceiver } from '@airlock/testkit'
import { samples } from '@airlock/testkit/samples'
import { Webhook } from 'standardwebhooks'
import { expect, onTestFinished } from 'vitest'
import type { AirlockWorker } from '../../src/app.ts'
import type { WorkerDeps } from '../../src/worker-deps.ts'
import { type Airlock, test } from '../airlock.ts'
import { webhookOptions, writesEvents } from '../webhooks.ts'

const secretOf = (byte: number): string => `whsec_${Buffer.alloc(32, byte).toString('base64')}`
const [one, two, three] = [secretOf(1), secretOf(2), secretOf(3)]

async function receiver(options: ReceiverOptions = {}): Promise<WebhookReceiver> {
  const started = await webhookReceiver(options)
  onTestFinished(() => started.close())
  return started
}

const webhooksTo = (endpoints: readonly Endpoint[], given: Partial<WorkerDeps['webhooks']> = {}): Pick<WorkerDeps, 'webhooks'> => ({
  webhooks: { ...webhookOptions, endpoints, ...given },
})

const endpointAt = ({ url }: { url: string }, ...secrets: string[]): Endpoint =>
  endpointOf({ url, secrets: secrets.length > 0 ? secrets : [one] })

const eventIds = async ({ servers: { sql } }: Airlock): Promise<string[]> =>
  (await sql.query('select id from events order by id')).rows.map(({ id }) => id)

const idsOf = (messages: readonly ReceivedMessage[]): string[] => [...new Set(messages.map(({ id }) => id))].sort()

const receives = ({ messages }: WebhookReceiver, count: number, timeoutMs = 15_000) =>
  waitFor(() => idsOf(messages).length === count, { what: `${count} events at the endpoint`, timeoutMs })

const verify = ({ body, headers }: ReceivedMessage, secret: string) => new Webhook(secret).verify(body, headers as Record<string, string>)

const states = async ({ servers: { sql } }: Airlock): Promise<Record<string, number>> => {
  const { rows } = await sql.query('select state, count(*)::integer as count from webhook_deliveries group by state order by state')
  return Object.fromEntries(rows.map(({ state, count }) => [state, count]))
}

const comeTo = (airlock: Airlock, wanted: Record<string, number>) =>
  waitFor(async () => JSON.stringify(await states(airlock)) === JSON.stringify(wanted), { what: JSON.stringify(wanted), timeoutMs: 15_000 })

const metric = async (worker: AirlockWorker, name: string): Promise<string | undefined> =>
  (await worker.health.inject('/metrics')).body.split('\n').find((line) => line.startsWith(name))

/** Waits until a worker has registered an endpoint, which gets events from then on. */
const isRegistered = ({ servers: { sql } }: Airlock, count = 1) =>
  waitFor(async () => (await sql.query('select from webhook_endpoints')).rowCount === count, { what: 'the endpoint to be registered' })

test('the end of an upload is delivered at once, with a signature that the official library verifies', async ({ airlock }) => {
  const endpoint = await receiver()
  const { name } = endpointAt(endpoint)
  const worker = airlock.startsWorker(webhooksTo([endpointAt(endpoint)], { everySeconds: 3600 }))
  await isRegistered(airlock)
  const upload = await airlock.accepts(samples.logo)

  await receives(endpoint, 1)
  const [message] = endpoint.messages
  if (message === undefined) throw new Error('nothing came')
  const [asset] = await airlock.assetsOf(upload)
  expect(verify(message, one)).toEqual({
    type: 'upload.completed',
    timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
    data: expect.objectContaining({
      event_id: message.id,
      upload_id: upload.id,
      user_id: airlock.userId,
      sequence: 1,
      asset_id: asset?.id,
    }),
  })
  expect(message.headers).toMatchObject({ 'content-type': 'application/json', 'user-agent': 'Airlock' })
  await comeTo(airlock, { delivered: 1 })
  expect(airlock.log.withMessage('event delivered')).toMatchObject([
    { endpoint: name, eventId: message.id, uploadId: upload.id, attempt: 1 },
  ])
  expect(await metric(worker, 'airlock_webhook_attempts_total')).toBe(
    `airlock_webhook_attempts_total{endpoint="${name}",outcome="delivered"} 1`,
  )
  expect(await metric(worker, 'airlock_webhook_lag_seconds')).toBe(`airlock_webhook_lag_seconds{endpoint="${name}"} 0`)
})

test('an endpoint that was down gets every event, and repetitions only with the same id', {
  meta: { id: 'webhook-endpoint-was-down' },
}, async ({ airlock }) => {
  const first = await receiver({ answer: answering.status(503) })
  airlock.startsWorker(webhooksTo([endpointAt(first)]))
  await isRegistered(airlock)
  await writesEvents(airlock, 30)
  await waitFor(() => first.messages.length > 10, { what: 'attempts that fail' })
  await first.close()
  await waitFor(
    async () => (await airlock.servers.sql.query(`select from webhook_deliveries where last_error like '%ECONNREFUSED%'`)).rowCount,
    {
      what: 'attempts without a response',
    },
  )

  const second = await receiver({ port: first.port })
  await comeTo(airlock, { delivered: 30 })
  expect(idsOf(second.messages)).toEqual(await eventIds(airlock))
  for (const message of second.messages) expect(verify(message, one)).toMatchObject({ data: { event_id: message.id } })
})

test('a hanging endpoint delays neither others nor its own other events', { meta: { id: 'webhook-endpoint-hangs' } }, async ({
  airlock,
}) => {
  const dead = await receiver({ answer: answering.never })
  const half = await receiver({ answer: (response) => (half.messages.length % 2 === 0 ? undefined : response.end()) })
  const well = await receiver()
  const worker = airlock.startsWorker(
    webhooksTo([endpointAt(dead), endpointAt(half), endpointAt(well)], { concurrency: 8, timeoutMs: 30_000 }),
  )
  await isRegistered(airlock, 3)
  await writesEvents(airlock, 10)

  await receives(well, 10)
  await receives(half, 10)
  expect(dead.messages.length, 'bounded').toBeLessThanOrEqual(8)
  await worker.stopTaking()
  await worker.handBack()
})

test('a request to a slow endpoint times out, and is retried', async ({ airlock }) => {
  const slow = await receiver({ answer: (response) => (slow.messages.length === 1 ? undefined : response.end()) })
  airlock.startsWorker(webhooksTo([endpointAt(slow)], { timeoutMs: 200 }))
  await isRegistered(airlock)
  await writesEvents(airlock, 1)
  await comeTo(airlock, { delivered: 1 })
  expect(airlock.log.withMessage('event not delivered, will be retried')).toMatchObject([{ attempt: 1, reason: 'no answer within 0.2 s' }])
  expect(slow.messages).toHaveLength(2)
  expect(idsOf(slow.messages)).toHaveLength(1)
})

test('two concurrent workers deliver each event once', { meta: { id: 'webhook-two-workers' } }, async ({ airlock }) => {
  const endpoint = await receiver({ answer: (response) => void setTimeout(() => response.end(), 20) })
  for (let i = 0; i < 2; i += 1) airlock.startsWorker(webhooksTo([endpointAt(endpoint)]))
  await isRegistered(airlock)
  await writesEvents(airlock, 60)
  await comeTo(airlock, { delivered: 60 })
  expect(endpoint.messages).toHaveLength(60)
})

test('a worker that dies after the response delivers again with the same id', {
  meta: { id: 'webhook-worker-dies-after-answer' },
}, async ({ airlock }) => {
  const { database } = airlock.servers
  const endpoint = await receiver()
  const dies = async () => {
    throw new Error('died')
  }
  const dying = airlock.startsWorker({
    ...webhooksTo([endpointAt(endpoint)], { leaseSeconds: 1 }),
    database: { ...database, webhooks: { ...database.webhooks, delivered: dies } },
  })
  await isRegistered(airlock)
  await writesEvents(airlock, 1)
  await receives(endpoint, 1)
  await dying.stop()
  expect(airlock.log.withMessage('outcome of a webhook delivery not recorded, it will be repeated').length).toBeGreaterThan(0)
  const before = endpoint.messages.length

  airlock.startsWorker(webhooksTo([endpointAt(endpoint)], { leaseSeconds: 1 }))
  await comeTo(airlock, { delivered: 1 })
  expect(endpoint.messages).toHaveLength(before + 1)
  expect(idsOf(endpoint.messages)).toHaveLength(1)
  const attempts = endpoint.messages.map(({ headers }) => Number(headers['webhook-timestamp']))
  expect(attempts.at(-1), 'signed again').toBeGreaterThanOrEqual(Number(attempts[0]))
})

test('a delivery that is refused for too long is dead, and can be replayed', {
  meta: { id: 'webhook-gives-up-and-replays' },
}, async ({ airlock }) => {
  const { webhooks } = airlock.servers.database
  const endpoint = await receiver({ answer: answering.status(500) })
  const { name } = endpointAt(endpoint)
  const worker = airlock.startsWorker(webhooksTo([endpointAt(endpoint)], { giveUpAfterSeconds: 0.3, everySeconds: 0.05 }))
  await isRegistered(airlock)
  await writesEvents(airlock, 1)
  await comeTo(airlock, { dead: 1 })
  expect(endpoint.messages.length).toBeGreaterThan(1)
  expect(airlock.log.withMessage('event not delivered, given up until an operator replays it')).toMatchObject([
    { endpoint: name, reason: 'answered 500' },
  ])
  expect(await metric(worker, 'airlock_webhook_dead_letters')).toBe(`airlock_webhook_dead_letters{endpoint="${name}"} 1`)

  endpoint.answers(answering.status(200))
  expect(await webhooks.replay({ eventId: null, endpoint: name, limit: 10 })).toBe(1)
  await comeTo(airlock, { delivered: 1 })
  expect(idsOf(endpoint.messages)).toHaveLength(1)
})

test('Retry-After of an endpoint delays the next attempt', async ({ airlock }) => {
  const endpoint = await receiver({ answer: answering.status(429, { 'retry-after': '600' }) })
  airlock.startsWorker(webhooksTo([endpointAt(endpoint)]))
  await isRegistered(airlock)
  await writesEvents(airlock, 1)
  const failures = () => airlock.log.withMessage('event not delivered, will be retried')
  await waitFor(() => failures().length > 0, { what: 'its answer' })
  expect(failures()).toMatchObject([{ reason: 'answered 429', retryInMs: 600_000 }])
  const { rows } = await airlock.servers.sql.query(
    'select next_attempt_at - failing_since >= make_interval(secs => 599) as waits from webhook_deliveries',
  )
  expect(rows).toEqual([{ waits: true }])
})

test('an attempt has the timestamp of Postgres, so that a wrong clock of a worker does not matter', {
  meta: { id: 'webhook-timestamp-by-postgres' },
}, async ({ airlock }) => {
  const { database } = airlock.servers
  const endpoint = await receiver()
  const due: typeof database.webhooks.due = async (...args) =>
    (await database.webhooks.due(...args)).map((delivery) => ({ ...delivery, at: new Date('2026-01-01T00:00:00Z') }))
  airlock.startsWorker({ ...webhooksTo([endpointAt(endpoint)]), database: { ...database, webhooks: { ...database.webhooks, due } } })
  await isRegistered(airlock)
  await writesEvents(airlock, 1)
  await receives(endpoint, 1)
  expect(endpoint.messages[0]?.headers['webhook-timestamp']).toBe(String(Date.parse('2026-01-01T00:00:00Z') / 1000))
})

test('after a 410 response that event is not repeated, and the next one is delivered', async ({ airlock }) => {
  const endpoint = await receiver({ answer: answering.status(410) })
  airlock.startsWorker(webhooksTo([endpointAt(endpoint)]))
  await isRegistered(airlock)
  await writesEvents(airlock, 1)
  await comeTo(airlock, { dead: 1 })
  expect(endpoint.messages).toHaveLength(1)
  endpoint.answers(answering.status(204))
  await writesEvents(airlock, 1)
  await comeTo(airlock, { dead: 1, delivered: 1 })
})

test('a redirect is a failure, and not followed', { meta: { id: 'webhook-redirect-fails' } }, async ({ airlock }) => {
  const elsewhere = await receiver()
  const endpoint = await receiver({ answer: answering.status(302, { location: elsewhere.url }) })
  airlock.startsWorker(webhooksTo([endpointAt(endpoint)]))
  await isRegistered(airlock)
  await writesEvents(airlock, 1)
  await waitFor(() => endpoint.messages.length > 1, { what: 'a second attempt' })
  expect(airlock.log.withMessage('event not delivered, will be retried')).toContainEqual(
    expect.objectContaining({ reason: 'answered 302: redirects are not followed' }),
  )
  expect(elsewhere.messages).toEqual([])
})

test('during a rotation both secrets sign', async ({ airlock }) => {
  const endpoint = await receiver()
  airlock.startsWorker(webhooksTo([endpointAt(endpoint, one, two)]))
  await isRegistered(airlock)
  await writesEvents(airlock, 1)
  await receives(endpoint, 1)
  const [message] = endpoint.messages as [ReceivedMessage]
  for (const secret of [one, two]) expect(verify(message, secret)).toMatchObject({ type: 'asset.deleted' })
  expect(() => verify(message, three)).toThrow()
})

test('a stopping worker completes running deliveries, and starts no more', async ({ airlock }) => {
  let answer = () => {}
  const endpoint = await receiver({ answer: (response) => (answer = () => void response.end()) })
  const worker = airlock.startsWorker(webhooksTo([endpointAt(endpoint)], { concurrency: 1 }))
  await isRegistered(airlock)
  await writesEvents(airlock, 2)
  await receives(endpoint, 1)

  await worker.stopTaking()
  const finished = worker.drain()
  answer()
  await finished
  expect(await states(airlock)).toEqual({ delivered: 1, pending: 1 })
  expect(endpoint.messages).toHaveLength(1)
})

test("deliveries that a stopping worker can't complete are aborted, and repeated by the next worker with the same id", {
  meta: { id: 'webhook-worker-stops' },
}, async ({ airlock }) => {
  const endpoint = await receiver({ answer: answering.never })
  const worker = airlock.startsWorker(webhooksTo([endpointAt(endpoint)], { leaseSeconds: 1 }))
  await isRegistered(airlock)
  await writesEvents(airlock, 1)
  await receives(endpoint, 1)
  const begun = performance.now()
  await worker.stopTaking()
  await worker.handBack()
  expect(performance.now() - begun, 'without waiting for responses').toBeLessThan(5000)
  expect(await states(airlock)).toEqual({ pending: 1 })

  endpoint.answers(answering.status(204))
  airlock.startsWorker(webhooksTo([endpointAt(endpoint)]))
  await comeTo(airlock, { delivered: 1 })
  expect(idsOf(endpoint.messages)).toHaveLength(1)
})

test('an unavailable database is logged, and queried again', { meta: { id: 'webhook-database-unavailable' } }, async ({ airlock }) => {
  const { database } = airlock.servers
  const endpoint = await receiver()
  let asked = 0
  const due: typeof database.webhooks.due = async (...args) => {
    asked += 1
    // more queries than notifications cause
    if (asked < 8) throw new Error('Postgres is unavailable')
    return database.webhooks.due(...args)
  }
  airlock.startsWorker({ ...webhooksTo([endpointAt(endpoint)]), database: { ...database, webhooks: { ...database.webhooks, due } } })
  await isRegistered(airlock)
  await writesEvents(airlock, 1)
  await receives(endpoint, 1)
  expect(airlock.log.withMessage('looking for due deliveries failed, the next run retries').length).toBeGreaterThan(0)
})

test('logs, rows and metrics contain no secret parts of URLs', async ({ airlock }) => {
  const endpoint = await receiver({ answer: answering.status(500) })
  const hiding = endpointOf({ url: endpoint.url.replace('127.0.0.1', 'me:x-ray@127.0.0.1').concat('/x-ray?token=x-ray'), secrets: [one] })
  const worker = airlock.startsWorker(webhooksTo([hiding], { giveUpAfterSeconds: 0.2 }))
  await isRegistered(airlock)
  await writesEvents(airlock, 1)
  await comeTo(airlock, { dead: 1 })
  expect(endpoint.messages[0]).toMatchObject({ path: '/hooks/x-ray?token=x-ray', headers: { authorization: `Basic ${btoa('me:x-ray')}` } })
  const { rows } = await airlock.servers.sql.query('select * from webhook_deliveries join webhook_endpoints using (endpoint)')
  const written = JSON.stringify([airlock.log.lines, rows, (await worker.health.inject('/metrics')).body])
  expect(written).toContain(hiding.name)
  expect(written).not.toContain('x-ray')
  expect(written).not.toContain(one)
})
