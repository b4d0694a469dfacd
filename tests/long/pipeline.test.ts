import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { waitFor, withRedis } from '@airlock/dev-servers'
import { call, formOf, tokenFor } from '@airlock/testkit/http'
import { freeBox, samples } from '@airlock/testkit/samples'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bucket, type Cluster, ready, startCluster } from '../chaos/cluster.ts'
import { Inbox, newVideo, type Video } from '../chaos/inbox.ts'
import { isWaitingKey, ServerContents } from '../chaos/server-contents.ts'

const KiB = 1024

/** Videos that are submitted concurrently. */
const atOnce = 20

/** Delays as in production where they are short enough; one job at a time per worker. */
const settings = {
  WORKER_CONCURRENCY: '1',
  LEASE_SECONDS: '30',
  SWEEP_INTERVAL_SECONDS: '5',
  SWEEP_REST_SECONDS: '15',
  PIPELINE_RING_AFTER_SECONDS: '5',
  PIPELINE_MAX_RUNNING_PER_PROJECT: '3',
  RATE_LIMIT_FILES_PER_HOUR: '100000',
  S3_CALL_TIMEOUT_MS: '30000',
  DATABASE_STATEMENT_TIMEOUT_MS: '30000',
}

const gateways = ['gateway-1', 'gateway-2'] as const

let cluster: Cluster
let inbox: Inbox
let contents: ServerContents

beforeAll(async () => {
  cluster = await startCluster({ settings })
  inbox = new Inbox(cluster.stack, bucket)
  contents = new ServerContents(cluster)
})
afterAll(async () => {
  inbox?.close()
  await contents?.close()
  await cluster?.stop()
})

test('without a gateway, a thousand videos become one asset each, although Redis loses their jobs in the middle', async ({ annotate }) => {
  await Promise.all(gateways.map((name) => cluster.process(name).stop()))
  const count = 1000
  const userId = randomUUID()
  const begun = performance.now()
  await submit({ count, userId, projects: 10, sizeBytes: 64 })
  const completed = () => contents.count(`uploads where user_id = $1 and state = 'completed'`, [userId])
  const ended = (wanted: number) =>
    waitFor(async () => (await completed()) >= wanted, { what: `${wanted} videos to be assets`, timeoutMs: 900_000, everyMs: 200 })
  await ended(count / 5)
  const before = await completed()
  await withRedis(cluster.stack.redis.url, (redis) => redis.flushall())
  await ended(count)
  await annotate(`${before} were assets when Redis was emptied, all ${count} after ${((performance.now() - begun) / 1000).toFixed(0)} s`)

  const assets = (await contents.assets()).filter(({ user_id }) => user_id === userId)
  await waitFor(async () => !(await contents.keys()).some(isWaitingKey), {
    what: 'the inbox to be empty',
    timeoutMs: 120_000,
    everyMs: 500,
  })
  const keys = new Set(await contents.keys())
  expect(assets).toHaveLength(count)
  expect(new Set(assets.map(({ upload_id }) => upload_id)).size).toBe(count)
  expect(assets.filter(({ s3_key }) => !keys.has(s3_key))).toEqual([])
  expect([...keys].filter((key) => key.startsWith('generated-videos/'))).toHaveLength(count)
  await Promise.all(gateways.map((name) => cluster.process(name).start()))
})

/** Rounds with the videos' worker frozen and running alternate, so that other load of the machine affects both equally. */
test('a full queue of videos does not delay pictures: the p95 of their wait is less than twice that with an idle worker', async ({
  annotate,
}) => {
  const worker = cluster.process('videos-1')
  await ready(cluster.gateways[0] ?? '')
  await waitsOfPictures(20) // the first ones are slower: caches are empty
  worker.signal('SIGSTOP')
  const videos = await submit({ count: 600, userId: randomUUID(), projects: 200, sizeBytes: 512 * KiB })
  const [idle, busy]: [number[], number[]] = [[], []]
  for (let round = 0; round < 10; round += 1) {
    worker.signal('SIGSTOP')
    idle.push(...(await waitsOfPictures(20)))
    worker.signal('SIGCONT')
    busy.push(...(await waitsOfPictures(20)))
  }
  const done = (await contents.uploads()).filter(({ id, state }) => videos.has(id) && state === 'completed')
  const percentiles = (values: number[]) =>
    [50, 95, 99].map((percent) => `p${percent} ${percentile(values, percent).toFixed(1)}`).join(', ')
  await annotate(`wait of pictures in ms, idle: ${percentiles(idle)}`)
  await annotate(`while ${done.length} of ${videos.size} videos ran: ${percentiles(busy)}`)

  expect(done.length, 'videos that ran beside the pictures').toBeGreaterThan(0)
  expect(done.length, 'videos that ran beside the pictures').toBeLessThan(videos.size)
  expect(percentile(busy, 95)).toBeLessThan(2 * percentile(idle, 95))
})

/** Stores videos in the inbox and enqueues each. @returns their ids */
async function submit(given: { count: number; userId: string; projects: number; sizeBytes: number }): Promise<ReadonlySet<string>> {
  const { count, userId, projects, sizeBytes } = given
  const projectIds = Array.from({ length: projects }, () => randomUUID())
  const ids = new Set<string>()
  while (ids.size < count) {
    const videos = Array.from({ length: Math.min(atOnce, count - ids.size) }, (_, i): Video => {
      const bytes = Buffer.concat([samples.scene.bytes, freeBox(randomUUID(), sizeBytes)])
      return newVideo({ userId, projectId: projectIds[(ids.size + i) % projects] as string, filename: 'scene.mp4', bytes })
    })
    await Promise.all(videos.map((video) => inbox.put(video)))
    for (const video of videos) await inbox.enqueue(video)
    for (const { uploadId } of videos) ids.add(uploadId)
  }
  return ids
}

/** Sends pictures in sequence, and waits for their ends. @returns the time between acceptance and claim of each, in ms */
async function waitsOfPictures(count: number): Promise<number[]> {
  const userId = randomUUID()
  const token = tokenFor(userId, cluster.jwtSecret)
  const bytes = Buffer.from(samples.logo.bytes)
  for (let sent = 0; sent < count; sent += 1) {
    const form = formOf({ asset_type: 'brand_image' }, [{ name: `picture-${sent}.png`, mediaType: 'image/png', bytes }])
    expect(await call(`${cluster.gateways[0]}/api/upload`, { method: 'POST', token, form })).toMatchObject({ status: 202 })
    await wait(50 + 100 * Math.random())
  }
  const waits = `select 1000 * extract(epoch from processing_at - received_at) as ms from uploads where user_id = $1 and state = 'completed'`
  const rows = await waitFor(
    async () => {
      const found = await contents.rows<{ ms: string }>(waits, [userId])
      return found.length === count && found
    },
    { what: 'all pictures to be assets', timeoutMs: 120_000, everyMs: 200 },
  )
  return rows.map(({ ms }) => Number(ms))
}

function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? 0
}
