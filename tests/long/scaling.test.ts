import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { waitFor } from '@airlock/dev-servers'
import { encodedForm, formOf, tokenFor } from '@airlock/testkit/http'
import { samples } from '@airlock/testkit/samples'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { type AddedWorker, type Cluster, startCluster } from '../chaos/cluster.ts'
import { root } from '../npm-start.ts'

/** Each request of a worker to the store takes this much longer, so that workers wait for the store, not for the cores of this machine. */
const storeDelayMs = 250

const worker = { WORKER_QUEUES: 'images', WORKER_CONCURRENCY: '4' }

/** Values as in production of settings that chaos shortens. */
const settings = {
  DATABASE_POOL_SIZE: '10',
  DATABASE_STATEMENT_TIMEOUT_MS: '30000',
  S3_CALL_TIMEOUT_MS: '30000',
  LEASE_SECONDS: '60',
  SWEEP_INTERVAL_SECONDS: '15',
  SWEEP_REST_SECONDS: '3600',
  RATE_LIMIT_FILES_PER_HOUR: '100000',
  REQUESTS_PER_MINUTE: '1000000',
  SHUTDOWN_GRACE_S: '1', // shorter than a job, so that ended workers return theirs
}

let cluster: Cluster
let sql: Client
/** As KEDA connects: with the read-only role. */
let keda: Client

beforeAll(async () => {
  cluster = await startCluster({ settings, processes: ['gateway-1'] })
  sql = new Client({ connectionString: cluster.stack.postgres.url })
  await sql.connect()
  await sql.query(readFileSync(join(root, 'deploy/sql/metrics-role.sql'), 'utf8'))
  await sql.query(`alter role airlock_metrics password 'for this test'`)
  keda = new Client({ connectionString: cluster.stack.postgres.url, user: 'airlock_metrics', password: 'for this test' })
  await keda.connect()
})
afterAll(async () => {
  await Promise.all([keda?.end(), sql?.end()])
  await cluster?.stop()
})

/** The autoscaler of pictures, as it is deployed. */
const scaler = parseAllDocuments(readFileSync(join(root, 'deploy/keda/scaled-objects.yaml'), 'utf8'))
  .map((document) => document.toJS())
  .find(({ metadata }) => metadata.name === 'airlock-worker-images').spec
const target = Number(scaler.triggers[0].metadata.targetQueryValue)
const [min, max, pollingS]: [number, number, number] = [scaler.minReplicaCount, scaler.maxReplicaCount, scaler.pollingInterval]

/** KEDA's query. @returns the age of the lane's oldest upload in seconds, at least 1 while one is being processed */
const metric = async (): Promise<number> => Number((await keda.query(scaler.triggers[0].metadata.query)).rows[0].scale_by)

/**
 * The formula of the HorizontalPodAutoscaler for an external metric with an average value, with its tolerance of 10 % and its default limit of growth in
 * one period: to twice as many, or by four.
 */
function desiredReplicas(value: number, current: number): number {
  const isWithinTolerance = current > 0 && Math.abs(value / (target * current) - 1) <= 0.1
  const wanted = isWithinTolerance ? current : Math.ceil(value / target)
  return Math.max(min, Math.min(max, wanted, Math.max(2 * current, current + 4)))
}

/** The workers of the lane, in the order in which they were started. */
class Workers {
  readonly #all: AddedWorker[] = []
  #running: AddedWorker[] = []

  get count(): number {
    return this.#running.length
  }

  async scaleTo(count: number): Promise<void> {
    const stopping = this.#running.slice(count)
    this.#running = this.#running.slice(0, count)
    const stopped = stopping.map(({ process }) => process.stop())
    while (this.#running.length < count) this.#running.push(await this.#idle(stopping))
    await Promise.all(stopped)
  }

  async areReady(): Promise<void> {
    const isReady = ({ url }: AddedWorker) =>
      waitFor(async () => (await fetch(`${url}/health/ready`)).ok, { what: `${url} to be ready`, timeoutMs: 60_000, everyMs: 100 })
    await Promise.all(this.#running.map(isReady))
  }

  /** A worker that was stopped before, or a new one. */
  async #idle(stopping: readonly AddedWorker[]): Promise<AddedWorker> {
    const known = this.#all.find((each) => !this.#running.includes(each) && !stopping.includes(each))
    if (known !== undefined) {
      await known.process.start()
      return known
    }
    const added = await cluster.addWorker(worker)
    added.link('s3').fails({ request: /./, kind: { delayMs: storeDelayMs } })
    this.#all.push(added)
    return added
  }
}

const workers = new Workers()
const users = Array.from({ length: 40 }, () => randomUUID())

/** Sends pictures, 12 at a time. @returns the ids of the accepted uploads */
async function burst(count: number): Promise<string[]> {
  const tokens = users.map((user) => tokenFor(user, cluster.jwtSecret))
  const ids: string[] = []
  let sent = 0
  const sender = async () => {
    while (sent < count) {
      sent += 1
      const file = { name: `picture ${sent}.png`, mediaType: 'image/png', bytes: Buffer.from(samples.logo.bytes) }
      const { body, type } = await encodedForm(formOf({ asset_type: 'brand_image' }, [file]))
      const headers = { authorization: `Bearer ${tokens[sent % tokens.length]}`, 'content-type': type }
      const response = await fetch(`${cluster.gateways[0]}/api/upload`, { method: 'POST', headers, body })
      expect(response.status).toBe(202)
      ids.push(((await response.json()) as { uploads: { upload_id: string }[] }).uploads[0]?.upload_id ?? '')
    }
  }
  await Promise.all(Array.from({ length: 12 }, sender))
  return ids
}

/** Ends of uploads: one asset each, and no failed attempt. `seconds`: from the first claim to the last end. */
async function ends(ids: readonly string[]) {
  const { rows } = await sql.query(
    `select count(*) filter (where state = 'completed')::integer as completed,
      count(distinct a.id)::integer as assets,
      count(*) filter (where last_fault is not null or attempt <> handed_back + 1)::integer as failed_attempts,
      coalesce(sum(handed_back), 0)::integer as handed_back,
      extract(epoch from max(completed_at) - min(processing_at))::float as seconds
    from uploads u left join assets a on a.upload_id = u.id where u.id = any($1)`,
    [ids],
  )
  return rows[0] as Record<'completed' | 'assets' | 'failed_attempts' | 'handed_back' | 'seconds', number>
}

const completed = (ids: readonly string[], atLeast = ids.length) =>
  waitFor(async () => (await ends(ids)).completed >= atLeast, { what: `${atLeast} uploads to be assets`, timeoutMs: 600_000, everyMs: 250 })

const wholeSeconds = (ms: number) => Math.round(ms / 1000)

test('two workers complete the same uploads at least 1.8 times as fast as one', async ({ annotate }) => {
  const seconds: number[] = []
  for (const count of [1, 2]) {
    await cluster.ops(['pause', 'images', '--reason', 'scaling'])
    const ids = await burst(160)
    await workers.scaleTo(count)
    await workers.areReady()
    await cluster.ops(['resume', 'images', '--reason', 'scaling'])
    await completed(ids)
    const result = await ends(ids)
    seconds.push(result.seconds)
    expect(result).toMatchObject({ completed: ids.length, assets: ids.length, failed_attempts: 0 })
  }
  const [one = 0, two = 0] = seconds
  await annotate(`160 uploads: ${one.toFixed(1)} s with one worker, ${two.toFixed(1)} s with two, ${(one / two).toFixed(2)} times as fast`)
  expect(one / two).toBeGreaterThanOrEqual(1.8)
})

test('three workers, none, and three again lose no upload', async ({ annotate }) => {
  await workers.scaleTo(3)
  await workers.areReady()
  const sending = burst(300)
  const ids = await sending
  await completed(ids, 60)
  await workers.scaleTo(0)
  const before = (await ends(ids)).completed
  await wait(5000)
  expect((await ends(ids)).completed).toBe(before)
  expect(before).toBeLessThan(ids.length)

  await workers.scaleTo(3)

  await completed(ids)
  const result = await ends(ids)
  await annotate(
    `${before} of ${ids.length} were completed when the last worker ended; ${result.handed_back} jobs were returned to the queue`,
  )
  expect(result).toMatchObject({ completed: ids.length, assets: ids.length, failed_attempts: 0 })
})

test('after a burst of 2,000 uploads the autoscaler keeps the age of the oldest one below its target', async ({ annotate }) => {
  await workers.scaleTo(min)
  await workers.areReady()
  const [begun, over] = [Date.now(), new AbortController()]
  onTestFinished(() => over.abort())
  const [history, ages]: [string[], number[]] = [[], []]
  let most = 0
  const scaling = (async () => {
    while (!over.signal.aborted) {
      await wait(pollingS * 1000, undefined, { signal: over.signal }).catch(() => {})
      const age = await metric()
      ages.push(age)
      const wanted = desiredReplicas(age, workers.count)
      history.push(`${wholeSeconds(Date.now() - begun)} s: oldest ${age.toFixed(0)} s, ${workers.count} → ${wanted} workers`)
      // The autoscaler removes replicas only after five minutes with lower values, by default.
      if (wanted > workers.count) await workers.scaleTo(wanted)
      most = Math.max(most, workers.count)
    }
  })()

  const ids = await burst(2000)
  const acceptedS = wholeSeconds(Date.now() - begun)
  await completed(ids)
  over.abort()
  await scaling

  const { seconds, ...result } = await ends(ids)
  for (const line of history) await annotate(line)
  await annotate(
    `2000 uploads: accepted in ${acceptedS} s, completed in ${seconds.toFixed(0)} s; at most ${most} workers, oldest ${Math.max(...ages).toFixed(0)} s`,
  )
  expect(result).toMatchObject({ completed: ids.length, assets: ids.length, failed_attempts: 0 })
  expect(Math.max(...ages)).toBeLessThan(target * max)
  expect(most).toBeGreaterThan(min)
})
