import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { waitFor } from '@airlock/dev-servers'
import { encodedForm, postStream, tokenFor } from '@airlock/testkit/http'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Cluster, startCluster } from '../chaos/cluster.ts'
import { formOf, SamplePool } from '../chaos/files.ts'
import { randomFrom } from '../chaos/random.ts'
import type { ProcessName } from '../chaos/schedule.ts'
import { Balancer, NoResponse, SteadyClient } from '../steady-client.ts'

const startMs = 120_000
const settings = {
  SHUTDOWN_NOT_READY_SECONDS: '2',
  SHUTDOWN_GRACE_S: '1',
  // Delayed jobs should be handed back: they must neither fail nor be taken over.
  S3_CALL_TIMEOUT_MS: '20000',
  LEASE_SECONDS: '15',
  UPLOAD_IDLE_SECONDS: '30',
  UPLOAD_MAX_SECONDS: '60',
  RATE_LIMIT_FILES_PER_HOUR: '10000',
}

const samplePool = new SamplePool()
const random = randomFrom(1, 'rolling restart')
let cluster: Cluster
let sql: Client

beforeAll(async () => {
  cluster = await startCluster({ settings })
  sql = new Client({ connectionString: cluster.stack.postgres.url })
  await sql.connect()
}, startMs)
afterAll(async () => {
  await sql?.end()
  await cluster?.stop()
}, startMs)

function goodPicture() {
  for (;;) {
    const file = samplePool.draw('brand_image', randomUUID(), random)
    if (file.expected === 'completed') return file
  }
}

interface Load {
  /** Ids of all uploads that were acknowledged. */
  readonly acknowledged: string[]
  /** Unexpected responses and errors of clients. */
  readonly failures: string[]
}

/** Sends pictures one after the other over a persistent connection until the signal fires. Every second request waits for its asset. */
async function sends(client: SteadyClient, load: Load, until: AbortSignal): Promise<void> {
  const token = tokenFor(randomUUID(), cluster.jwtSecret)
  for (let number = 0; !until.aborted; number += 1) {
    const form = formOf([goodPicture()], { projectId: '', fieldsFirst: true })
    const headers = { authorization: `Bearer ${token}`, ...(number % 2 === 0 && { prefer: 'wait=10' }) }
    try {
      const { status, text } = await client.post('/api/upload', form, headers)
      if (status !== 200 && status !== 202) load.failures.push(`${status} ${text}`)
      else load.acknowledged.push(...JSON.parse(text).uploads.map(({ upload_id }: { upload_id: string }) => upload_id))
    } catch (error) {
      load.failures.push(error instanceof NoResponse ? error.message : String(error))
    }
    await wait(60)
  }
}

interface SlowUpload {
  readonly id: string
  /** Attempts without a response, because the gateway ended before the last byte. */
  readonly aborted: number
}

/** Sends a picture so slowly that a gateway which is asked to stop must abort it, and repeats it under the same key until it is acknowledged. */
async function sendsSlowly(balancer: Balancer): Promise<SlowUpload> {
  const token = tokenFor(randomUUID(), cluster.jwtSecret)
  const { body, type } = await encodedForm(formOf([goodPicture()], { projectId: '', fieldsFirst: true }))
  async function* slowly() {
    yield body.subarray(0, body.byteLength / 2)
    await wait(6000)
    yield body.subarray(body.byteLength / 2)
  }
  const headers = { 'idempotency-key': randomUUID() }
  for (let [aborted, url] = [0, cluster.gateways[0]]; ; url = await balancer.pick()) {
    const answer = await postStream(`${url}/api/upload`, { token, type, body: slowly(), headers }).catch(() => null)
    if (answer?.status === 202) return { id: JSON.parse(answer.body).uploads[0].upload_id, aborted }
    if (answer === null) aborted += 1
    else if (answer.status !== 409 && answer.status !== 503) throw new Error(`${answer.status} ${answer.body}`)
  }
}

const restart = async (name: ProcessName) => {
  await cluster.process(name).stop()
  await cluster.process(name).start()
}

/** Restarts a worker in the middle of its jobs: its connection to the store is blocked, so none of them is done within SHUTDOWN_GRACE_S. */
async function restartAmidstJobs(name: ProcessName): Promise<void> {
  const link = cluster.link(name, 's3')
  link.become({ kind: 'hole' })
  await wait(500) // until a job reaches its first call
  await cluster.process(name).stop()
  link.become({ kind: 'open' })
  await cluster.process(name).start()
}

test('a rolling restart of two gateways and two workers under load: no request fails but one that takes too long, and nothing is lost', {
  meta: { id: 'rolling-restart-under-load' },
  timeout: 90_000,
}, async () => {
  const over = new AbortController()
  const balancer = new Balancer(cluster.gateways)
  const load: Load = { acknowledged: [], failures: [] }
  const clients = Array.from({ length: 6 }, () => new SteadyClient(balancer))
  const sending = Promise.all(clients.map((client) => sends(client, load, over.signal)))
  try {
    await waitFor(() => load.acknowledged.length > 10, { what: 'the load', timeoutMs: 30_000 })
    const slow = sendsSlowly(balancer)
    slow.catch(() => {}) // awaited below
    const workers = restartAmidstJobs('images-1').then(() => restartAmidstJobs('images-2'))
    for (const [index, gateway] of (['gateway-1', 'gateway-2'] as const).entries()) {
      await restart(gateway)
      await waitFor(() => balancer.ready.has(cluster.gateways[index] ?? ''), { what: `${gateway} to be ready`, timeoutMs: 30_000 })
    }
    await workers
    const { id, aborted } = await slow
    expect(aborted).toBeGreaterThan(0)
    load.acknowledged.push(id)
    const before = load.acknowledged.length
    await waitFor(() => load.acknowledged.length > before + 10, { what: 'the load to continue', timeoutMs: 30_000 })
  } finally {
    over.abort()
    await sending
    for (const client of clients) client.close()
    balancer.close()
  }

  expect(load.failures).toEqual([])
  expect(clients.flatMap(({ droppedBy }) => droppedBy)).toEqual([])
  const ends = () =>
    sql.query(
      `select u.state, u.attempt, u.handed_back, u.last_fault, count(a.id)::integer as assets
       from uploads u left join assets a on a.upload_id = u.id where u.id = any($1) group by u.id`,
      [load.acknowledged],
    )
  await waitFor(async () => (await ends()).rows.every(({ state }) => state === 'completed'), {
    what: 'all to be completed',
    timeoutMs: 30_000,
  })
  const { rows } = await ends()
  expect(rows).toHaveLength(new Set(load.acknowledged).size)
  expect(rows.filter((row) => row.assets !== 1 || row.last_fault !== null || row.attempt !== row.handed_back + 1)).toEqual([])
  expect(rows.some((row) => row.handed_back > 0)).toBe(true)
})
