import { queuePrefix } from '@airlock/queue'
import { answering, givenStack, privateServer, type WebhookReceiver, waitFor, webhookReceiver } from '@airlock/testkit'
import { openQueues, type Servers } from '@airlock/testkit/airlock'
import { Webhook } from 'standardwebhooks'
import { expect, onTestFinished } from 'vitest'
import { Airlock, test } from '../airlock.ts'
import { writesEvents } from '../webhooks.ts'
import { startWorkerProcess, type WorkerProcess } from '../worker-process.ts'

const secret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`

/** A worker of production uses the real queue names, so it gets a private Redis. */
async function place(servers: Servers): Promise<{ airlock: Airlock; starts(env: Record<string, string>): Promise<WorkerProcess> }> {
  await servers.sql.query('truncate users, assets, events, event_sequences, event_relay, webhook_endpoints cascade')
  const redis = await privateServer('redis')
  onTestFinished(() => redis.drop())
  const queues = await openQueues(redis.address.url, queuePrefix)
  onTestFinished(() => queues.close())
  const { s3 } = givenStack()
  const starts = async (env: Record<string, string>) => {
    const worker = await startWorkerProcess({
      DATABASE_URL: servers.databaseUrl,
      REDIS_URL: queues.redisUrl,
      S3_ENDPOINT: s3.endpoint,
      S3_REGION: s3.region,
      S3_BUCKET_NAME: servers.bucket.bucket,
      S3_FORCE_PATH_STYLE: 'true',
      S3_SSE: 'none',
      AWS_ACCESS_KEY_ID: s3.accessKeyId,
      AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
      WEBHOOK_SECRETS: secret,
      ...env,
    })
    onTestFinished(() => worker.kill())
    return worker
  }
  return { airlock: new Airlock(servers, queues), starts }
}

async function receiver(): Promise<WebhookReceiver> {
  const started = await webhookReceiver({ answer: answering.never })
  onTestFinished(() => started.close())
  return started
}

const isRegistered = ({ sql }: Servers) =>
  waitFor(async () => (await sql.query('select from webhook_endpoints')).rowCount === 1, { what: 'the endpoint to be registered' })

test('after a worker is killed during a delivery, another one repeats it with the same id', {
  meta: { id: 'webhook-worker-killed' },
  timeout: 60_000,
}, async ({ servers }) => {
  const { airlock, starts } = await place(servers)
  const endpoint = await receiver()
  const env = { WEBHOOK_URLS: endpoint.url, WEBHOOK_ALLOW_PRIVATE: 'true' }
  const first = await starts(env)
  await isRegistered(servers)
  await writesEvents(airlock, 1)
  await waitFor(() => endpoint.messages.length === 1, { what: 'the first attempt', timeoutMs: 15_000 })
  await first.kill()

  endpoint.answers(answering.status(204))
  await servers.sql.query(`update webhook_deliveries set next_attempt_at = now() - interval '1 ms' where state = 'pending'`) // its lease expires
  await starts(env)
  await waitFor(async () => (await servers.sql.query(`select from webhook_deliveries where state = 'delivered'`)).rowCount === 1, {
    what: 'the delivery',
    timeoutMs: 15_000,
  })
  expect(endpoint.messages).toHaveLength(2)
  expect(new Set(endpoint.messages.map(({ id }) => id)).size).toBe(1)
  for (const { body, headers } of endpoint.messages) {
    expect(new Webhook(secret).verify(body, headers as Record<string, string>)).toMatchObject({ type: 'asset.deleted' })
  }
})

test('a worker does not deliver to private networks unless allowed, and logs why', { timeout: 60_000 }, async ({ servers }) => {
  const { airlock, starts } = await place(servers)
  const endpoint = await receiver()
  const worker = await starts({ WEBHOOK_URLS: `https://localhost:${endpoint.port}/?token=x-ray` })
  await isRegistered(servers)
  await writesEvents(airlock, 1)
  await waitFor(() => worker.output().includes('event not delivered, will'), { what: 'the refusal', timeoutMs: 15_000 })
  expect(worker.output()).toMatch(/"reason":"localhost has the address (127\.0\.0\.1|::1), which is not public"/)
  expect(worker.output()).not.toContain('x-ray')
  expect(endpoint.messages).toEqual([])
})

test("the worker's log contains neither URL nor secret of an endpoint that refuses events", {
  meta: { id: 'no-webhook-secret-in-logs' },
  timeout: 60_000,
}, async ({ servers }) => {
  const { airlock, starts } = await place(servers)
  const endpoint = await receiver()
  endpoint.answers(answering.status(401))
  const worker = await starts({
    WEBHOOK_URLS: `${endpoint.url}?key=token-of-the-endpoint`,
    WEBHOOK_ALLOW_PRIVATE: 'true',
    LOG_LEVEL: 'trace',
  })
  await isRegistered(servers)

  await writesEvents(airlock, 1)
  await waitFor(() => endpoint.messages.length === 1, { what: 'the attempt', timeoutMs: 15_000 })
  await waitFor(async () => (await servers.sql.query('select from webhook_deliveries where last_error is not null')).rowCount === 1, {
    what: 'the refusal to be stored',
  })

  const { rows } = await servers.sql.query('select * from webhook_deliveries')
  const written = worker.output() + JSON.stringify(rows)
  expect(written).toContain('401')
  expect(written).not.toContain('token-of-the-endpoint')
  expect(written).not.toContain(secret)
})
