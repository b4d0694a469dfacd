import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { waitFor } from '@airlock/dev-servers'
import { call, tokenFor } from '@airlock/testkit/http'
import { Redis } from 'ioredis'
import { type Arena, bucket } from '../chaos/arena.ts'
import { Facts, isWaitingKey } from '../chaos/facts.ts'
import { formOf, freeBox } from '../chaos/files.ts'
import { Inbox, newVideo, type Video } from '../chaos/inbox.ts'
import { type Check, inArena, inFolder, type LongStep, proveAll, type StepContext } from './check.ts'

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
} as const

/** What the checks work with. */
interface Scene {
  readonly arena: Arena
  readonly inbox: Inbox
  readonly facts: Facts
  readonly stop: AbortSignal
  readonly film: Buffer
  readonly picture: Buffer<ArrayBuffer>
}

/** The pipeline's door with separate processes: two gateways, two workers for pictures, one for videos. */
export const pipelineDoor: LongStep = {
  name: 'pipeline',
  about: 'a thousand videos without a gateway, Redis emptied meanwhile; pictures while the queue of videos is full',
  run: (context) =>
    inFolder('pipeline', (folder) =>
      inArena(context, { folder, settings }, async (arena) => {
        const scene = { arena, inbox: new Inbox(arena.stack, bucket), facts: await Facts.open(arena), ...(await samplesOf(context)) }
        try {
          return await proveAll(checks, scene, context)
        } finally {
          scene.inbox.close()
          await scene.facts.close()
        }
      }),
    ),
}

const samplesOf = async ({ root, stop }: StepContext) => ({
  stop,
  film: await readFile(join(root, 'examples/samples/good/scene-01.mp4')),
  picture: Buffer.from(await readFile(join(root, 'examples/samples/good/logo.png'))),
})

const checks: readonly Check<Scene>[] = [
  {
    what: 'with no gateway, a thousand videos whose jobs Redis forgets in the middle all become assets, each once',
    prove: thousandVideos,
  },
  {
    what: 'pictures wait no longer in their queue while that of the videos is full: p95 less than twice that of an idle worker',
    prove: picturesBesideVideos,
  },
]

const gateways = ['gateway-1', 'gateway-2'] as const

async function thousandVideos(scene: Scene): Promise<string> {
  const { arena, facts } = scene
  await Promise.all(gateways.map((name) => arena.member(name).stop()))
  const count = 1000
  const userId = randomUUID()
  const begun = performance.now()
  await handOver(scene, { count, userId, projects: 10, sizeBytes: 0 })
  const completed = () => facts.count(`uploads where user_id = $1 and state = 'completed'`, [userId])
  const ended = (wanted: number) =>
    waitFor(async () => scene.stop.aborted || (await completed()) >= wanted, {
      what: `${wanted} videos to be assets`,
      timeoutMs: 900_000,
      everyMs: 200,
    })
  await ended(count / 5)
  const before = await completed()
  await flushAll(arena)
  await ended(count)
  scene.stop.throwIfAborted()
  const seconds = (performance.now() - begun) / 1000
  const assets = (await facts.assets()).filter(({ user_id }) => user_id === userId)
  await waitFor(async () => !(await facts.keys()).some(isWaitingKey), { what: 'the inbox to be empty', timeoutMs: 120_000, everyMs: 500 })
  const keys = new Set(await facts.keys())
  mustBe(count, assets.length, 'assets')
  mustBe(count, new Set(assets.map(({ upload_id }) => upload_id)).size, 'uploads with an asset')
  mustBe(count, assets.filter(({ s3_key }) => keys.has(s3_key)).length, 'assets with their object')
  mustBe(count, [...keys].filter((key) => key.startsWith('generated-videos/')).length, 'objects of assets')
  await Promise.all(gateways.map((name) => arena.member(name).start()))
  return `${before} were assets when Redis was emptied, all ${count} after ${seconds.toFixed(0)} s`
}

/** Rounds with the videos' worker frozen and running alternate, so that other load of the machine affects both equally. */
async function picturesBesideVideos(scene: Scene): Promise<string> {
  const { arena, facts } = scene
  const worker = arena.member('videos-1')
  await waitFor(async () => (await fetch(`${arena.gateways[0]}/health/ready`)).ok, { what: 'the gateway', timeoutMs: 60_000 })
  await waitsOf(scene, 20) // the first ones are slower: caches are empty
  worker.signal('SIGSTOP')
  const videos = await handOver(scene, { count: 600, userId: randomUUID(), projects: 200, sizeBytes: 512 * KiB })
  const [idle, busy]: [number[], number[]] = [[], []]
  for (let round = 0; round < 10; round += 1) {
    worker.signal('SIGSTOP')
    idle.push(...(await waitsOf(scene, 20)))
    worker.signal('SIGCONT')
    busy.push(...(await waitsOf(scene, 20)))
  }
  const done = (await facts.uploads()).filter(({ id, state }) => videos.has(id) && state === 'completed')
  if (done.length === 0 || done.length === videos.size)
    throw new Error(`${done.length} videos of ${videos.size} ran: no pictures beside them`)
  const told = `wait of pictures in ms, idle: ${described(idle)}; while ${done.length} of ${videos.size} videos ran: ${described(busy)}`
  if (percentile(busy, 95) >= 2 * percentile(idle, 95)) throw new Error(told)
  return told
}

/** Stores videos in the inbox and enqueues each. @returns their ids */
async function handOver(
  { inbox, film, stop }: Scene,
  { count, userId, projects, sizeBytes }: { count: number; userId: string; projects: number; sizeBytes: number },
): Promise<ReadonlySet<string>> {
  const projectIds = Array.from({ length: projects }, () => randomUUID())
  const ids = new Set<string>()
  while (ids.size < count) {
    stop.throwIfAborted()
    const videos = Array.from({ length: Math.min(atOnce, count - ids.size) }, (_, i): Video => {
      const projectId = projectIds[(ids.size + i) % projects] as string
      return newVideo({ userId, projectId, filename: 'scene.mp4', bytes: Buffer.concat([film, freeBox(randomUUID(), sizeBytes)]) })
    })
    await Promise.all(videos.map((video) => inbox.put(video)))
    for (const video of videos) await inbox.enqueue(video)
    for (const { uploadId } of videos) ids.add(uploadId)
  }
  return ids
}

/** Sends pictures in sequence, and waits for their ends. @returns the time between acceptance and claim of each, in ms */
async function waitsOf({ arena, facts, picture, stop }: Scene, count: number): Promise<number[]> {
  const userId = randomUUID()
  const token = tokenFor(userId, arena.jwtSecret)
  for (let sent = 0; sent < count; sent += 1) {
    stop.throwIfAborted()
    const file = { name: `picture-${sent}.png`, assetType: 'brand_image', mediaType: 'image/png', bytes: picture } as const
    const unused = { expected: 'completed', sizeBytes: picture.byteLength, sha256: '' }
    const form = formOf([{ ...file, ...unused }], { projectId: '', fieldsFirst: true })
    const answer = await call(`${arena.gateways[0]}/api/upload`, { method: 'POST', token, form })
    if ('lost' in answer || answer.status !== 202) throw new Error(`a picture was answered ${JSON.stringify(answer)}`)
    await pause(50 + 100 * Math.random())
  }
  const waits = `select 1000 * extract(epoch from processing_at - received_at) as ms from uploads where user_id = $1 and state = 'completed'`
  const rows = await waitFor(
    async () => {
      const found = await facts.rows<{ ms: string }>(waits, [userId])
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

const described = (values: readonly number[]): string =>
  [50, 95, 99].map((percent) => `p${percent} ${percentile(values, percent).toFixed(1)}`).join(', ')

async function flushAll({ stack }: Arena): Promise<void> {
  const redis = new Redis(stack.redis.url, { maxRetriesPerRequest: 1 })
  await redis.flushall()
  redis.disconnect()
}

function mustBe(wanted: number, found: number, what: string): void {
  if (found !== wanted) throw new Error(`${found} ${what}, not ${wanted}`)
}
