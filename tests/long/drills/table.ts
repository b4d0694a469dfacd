import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { s3Client } from '@airlock/dev-servers'
import { encodedForm, formOf, postStream, tokenFor } from '@airlock/testkit/http'
import { samples } from '@airlock/testkit/samples'
import { answering } from '@airlock/testkit/webhook-receiver'
import { CopyObjectCommand, DeleteObjectCommand } from '@aws-sdk/client-s3'
import { Redis } from 'ioredis'
import { bucket, renders } from '../../chaos/cluster.ts'
import { Inbox } from '../../chaos/inbox.ts'
import type { ProcessName } from '../../chaos/schedule.ts'
import type { Arena } from './arena.ts'

/** One alert: how it is caused, and what its chapter of the runbook says to do. */
export interface Drill {
  readonly alert: string
  /** Of alerts with the same name. */
  readonly severity?: string
  /** How much faster the alert's windows and limits of ages are; see `accelerated`. */
  readonly speed: number
  readonly inject: (arena: Arena) => unknown
  readonly repair: (arena: Arena) => unknown
}

const gateways = ['gateway-1', 'gateway-2'] as const
const imageWorkers = ['images-1', 'images-2'] as const
const allWorkers = [...imageWorkers, 'videos-1'] as const

const kill = ({ cluster }: Arena, ...names: readonly ProcessName[]) => Promise.all(names.map((name) => cluster.process(name).kill()))
const start = ({ cluster }: Arena, ...names: readonly ProcessName[]) => Promise.all(names.map((name) => cluster.process(name).start()))

const toStore = ({ cluster }: Arena, names: readonly ProcessName[]) => names.map((name) => cluster.link(name, 's3'))

export const drills: readonly Drill[] = [
  {
    alert: 'AirlockGatewayDown',
    speed: 30,
    inject: (arena) => kill(arena, ...gateways),
    repair: (arena) => start(arena, ...gateways),
  },
  {
    alert: 'AirlockWorkerDown',
    speed: 30,
    inject: (arena) => kill(arena, ...allWorkers),
    repair: (arena) => start(arena, ...allWorkers),
  },
  {
    alert: 'AirlockScrapeFailing',
    speed: 30,
    inject: (arena) => kill(arena, 'images-2'),
    repair: (arena) => start(arena, 'images-2'),
  },
  {
    alert: 'AirlockProcessRestarting',
    speed: 12,
    async inject(arena) {
      for (let restarts = 0; restarts < 4; restarts += 1) {
        await kill(arena, 'images-2')
        await start(arena, 'images-2')
        await arena.scraped('images-2')
      }
    },
    repair: () => {},
  },
  {
    alert: 'AirlockEventLoopLag',
    speed: 30,
    // as by a CPU limit that is too low
    inject: (arena) => arena.meanwhile(() => freeze(arena, 'images-2', 400), 100),
    repair: (arena) => arena.over(),
  },
  {
    alert: 'AirlockDependencyDown',
    speed: 30,
    inject: ({ cluster }) => cluster.controls('redis').stop(),
    repair: ({ cluster }) => cluster.controls('redis').start(),
  },
  {
    alert: 'AirlockDependencyUnreachable',
    speed: 30,
    inject: ({ cluster }) => cluster.link('images-2', 'redis').become({ kind: 'cut' }),
    repair: ({ cluster }) => cluster.link('images-2', 'redis').become({ kind: 'open' }),
  },
  {
    alert: 'AirlockDependencySlow',
    speed: 30,
    inject: (arena) => {
      for (const link of toStore(arena, [...gateways, ...allWorkers])) link.become({ kind: 'slow', delayMs: 400 })
    },
    repair: (arena) => {
      for (const link of toStore(arena, [...gateways, ...allWorkers])) link.become({ kind: 'open' })
    },
  },
  {
    alert: 'AirlockPoolExhausted',
    speed: 30,
    async inject(arena) {
      await arena.blocks('lock table uploads in access exclusive mode')
      for (let client = 0; client < 20; client += 1) arena.meanwhile(() => arena.upload())
    },
    async repair(arena) {
      await arena.endSession('lock table uploads')
      await arena.over()
    },
  },
  {
    alert: 'AirlockGatewayErrors',
    speed: 30,
    inject(arena) {
      for (const link of toStore(arena, gateways)) link.become({ kind: 'cut' })
      arena.meanwhile(() => arena.upload(), 100)
    },
    async repair(arena) {
      for (const link of toStore(arena, gateways)) link.become({ kind: 'open' })
      await arena.over()
    },
  },
  {
    alert: 'AirlockPermitsExhausted',
    speed: 30,
    inject(arena) {
      for (let user = 0; user < 16; user += 1) arena.meanwhile((signal) => sendsSlowly(arena, signal))
    },
    // a proxy that limits slow connections
    repair: (arena) => arena.over(),
  },
  {
    alert: 'AirlockLaneStalled',
    speed: 30,
    async inject(arena) {
      await arena.cluster.ops(['pause', 'videos', '--reason', 'a drill'])
      await arena.uploads(1, 'video')
    },
    async repair(arena) {
      await arena.runs('npm run ops -- resume videos')
      await arena.ended()
    },
  },
  ...['warning', 'critical'].map(
    (severity): Drill => ({
      alert: 'AirlockLaneOld',
      severity,
      speed: 120,
      async inject(arena) {
        await kill(arena, ...imageWorkers)
        await arena.uploads(4)
      },
      async repair(arena) {
        await start(arena, ...imageWorkers)
        await arena.ended()
      },
    }),
  ),
  {
    alert: 'AirlockUploadsParked',
    speed: 60,
    async inject(arena) {
      arena.cluster.link('videos-1', 's3').become({ kind: 'cut' })
      await arena.uploads(1, 'video')
    },
    async repair(arena) {
      arena.cluster.link('videos-1', 's3').become({ kind: 'open' })
      await arena.runs('npm run ops -- jobs retry --code processing_failed --dry-run')
      await arena.runs(`npm run ops -- jobs retry --code processing_failed --reason 'the store is back' --yes`)
      await arena.runs(`npm run ops -- jobs release --code upload_vanished --reason 'the bytes are lost' --yes`)
      await arena.ended()
    },
  },
  {
    alert: 'AirlockRetriesHigh',
    speed: 30,
    async inject(arena) {
      for (const link of toStore(arena, imageWorkers)) link.become({ kind: 'cut' })
      await arena.uploads(12)
    },
    async repair(arena) {
      for (const link of toStore(arena, imageWorkers)) link.become({ kind: 'open' })
      await arena.ended()
    },
  },
  {
    alert: 'AirlockInspectorRestarts',
    speed: 5,
    // each ends three inspectors, and is rejected then
    inject: (arena) => arena.uploads(6, 'expensive'),
    repair: (arena) => arena.ended(),
  },
  {
    alert: 'AirlockJobsRefused',
    speed: 60,
    async inject({ cluster }) {
      const inbox = new Inbox(cluster.stack, bucket)
      const ids = Array.from({ length: 8 }, () => randomUUID())
      const job = { userId: 'nobody', projectId: randomUUID(), filename: 'scene.mp4', bytes: Buffer.of(), sha256: null }
      for (const uploadId of ids) await inbox.enqueue({ uploadId, ...job })
      inbox.close()
    },
    repair: (arena) => arena.runs('npm run ops -- inbox list'),
  },
  {
    alert: 'AirlockSweeperStopped',
    speed: 60,
    inject: (arena) => arena.blocks('select * from sweeper for update'),
    repair: (arena) => arena.endSession('select * from sweeper'),
  },
  {
    alert: 'AirlockSweeperRepairs',
    speed: 90,
    async inject(arena) {
      await kill(arena, ...imageWorkers)
      await arena.uploads(20)
      const redis = new Redis(arena.cluster.stack.redis.url)
      arena.meanwhile((signal) => (signal.aborted ? redis.disconnect() : redis.flushall()), 1000)
    },
    async repair(arena) {
      await arena.over()
      await start(arena, ...imageWorkers)
      await arena.ended()
    },
  },
  {
    alert: 'AirlockAssetObjectMissing',
    speed: 360,
    async inject(arena) {
      const [id] = await arena.uploads(1)
      await arena.ended()
      const { rows } = await arena.sql.query('select s3_key from assets where upload_id = $1', [id])
      await copyAsset(arena, rows[0].s3_key, { from: bucket, to: renders })
      const s3 = s3Client(arena.cluster.stack.s3)
      await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: rows[0].s3_key }))
      s3.destroy()
    },
    async repair(arena) {
      const { code, output } = await arena.run('npm run ops -- verify')
      const key = /brand-images\/\S+/.exec(output)?.[0] ?? ''
      if (code !== 1 || key === '') throw new Error(`verify did not name the asset: ${code}\n${output}`)
      await copyAsset(arena, key, { from: renders, to: bucket })
      await arena.runs('npm run ops -- verify')
    },
  },
  {
    alert: 'AirlockEventRelayLag',
    speed: 30,
    async inject(arena) {
      await arena.blocks('select * from event_relay for update')
      await arena.uploads(2)
    },
    repair: (arena) => arena.endSession('select * from event_relay'),
  },
  {
    alert: 'AirlockWebhookLag',
    speed: 180,
    async inject(arena) {
      arena.endpoint.answers(answering.status(503))
      await arena.uploads(2)
    },
    // Nothing else is to be done: the next attempt succeeds.
    repair: (arena) => arena.endpoint.answers(answering.status(204)),
  },
  {
    alert: 'AirlockWebhookDeadLetters',
    speed: 60,
    async inject(arena) {
      arena.endpoint.answers(answering.status(410))
      await arena.uploads(1)
    },
    async repair(arena) {
      arena.endpoint.answers(answering.status(204))
      await arena.runs('npm run ops -- webhooks replay --all')
    },
  },
]

async function freeze({ cluster }: Arena, name: ProcessName, ms: number): Promise<void> {
  cluster.process(name).signal('SIGSTOP')
  await wait(ms)
  cluster.process(name).signal('SIGCONT')
}

/** Sends a picture of which a few bytes arrive per second, until the signal fires. */
async function sendsSlowly({ cluster }: Arena, signal: AbortSignal): Promise<void> {
  const photo = { name: 'photo.jpg', mediaType: 'image/jpeg', bytes: Buffer.from(samples.photo.bytes) }
  const { body, type } = await encodedForm(formOf({ asset_type: 'brand_image' }, [photo]))
  async function* bytes() {
    yield body.subarray(0, 8192)
    for (let at = 8192; ; at += 10) {
      await wait(1000, undefined, { signal })
      yield body.subarray(at, at + 10)
    }
  }
  await postStream(`${cluster.gateways[0]}/api/upload`, { token: tokenFor(randomUUID(), cluster.jwtSecret), type, body: bytes(), signal })
}

/** Copies an object with its metadata to the same key of another bucket. */
async function copyAsset({ cluster }: Arena, key: string, { from, to }: { from: string; to: string }): Promise<void> {
  const s3 = s3Client(cluster.stack.s3)
  await s3.send(new CopyObjectCommand({ Bucket: to, Key: key, CopySource: encodeURI(`${from}/${key}`), ServerSideEncryption: 'AES256' }))
  s3.destroy()
}
