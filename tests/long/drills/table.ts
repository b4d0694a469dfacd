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
import type { DrillStack } from './drill-stack.ts'

/** One alert: how it is caused, and what its chapter of the runbook says to do. */
export interface Drill {
  readonly alert: string
  /** Of alerts with the same name. */
  readonly severity?: string
  /** How much faster the alert's windows and limits of ages are; see `accelerated`. */
  readonly speed: number
  readonly inject: (stack: DrillStack) => unknown
  readonly repair: (stack: DrillStack) => unknown
}

const gateways = ['gateway-1', 'gateway-2'] as const
const imageWorkers = ['images-1', 'images-2'] as const
const allWorkers = [...imageWorkers, 'videos-1'] as const

const kill = ({ cluster }: DrillStack, ...names: readonly ProcessName[]) => Promise.all(names.map((name) => cluster.process(name).kill()))
const start = ({ cluster }: DrillStack, ...names: readonly ProcessName[]) => Promise.all(names.map((name) => cluster.process(name).start()))

const toStore = ({ cluster }: DrillStack, names: readonly ProcessName[]) => names.map((name) => cluster.link(name, 's3'))

export const drills: readonly Drill[] = [
  {
    alert: 'AirlockGatewayDown',
    speed: 30,
    inject: (stack) => kill(stack, ...gateways),
    repair: (stack) => start(stack, ...gateways),
  },
  {
    alert: 'AirlockWorkerDown',
    speed: 30,
    inject: (stack) => kill(stack, ...allWorkers),
    repair: (stack) => start(stack, ...allWorkers),
  },
  {
    alert: 'AirlockScrapeFailing',
    speed: 30,
    inject: (stack) => kill(stack, 'images-2'),
    repair: (stack) => start(stack, 'images-2'),
  },
  {
    alert: 'AirlockProcessRestarting',
    speed: 12,
    async inject(stack) {
      for (let restarts = 0; restarts < 4; restarts += 1) {
        await kill(stack, 'images-2')
        await start(stack, 'images-2')
        await stack.scraped('images-2')
      }
    },
    repair: () => {},
  },
  {
    alert: 'AirlockEventLoopLag',
    speed: 30,
    // as by a CPU limit that is too low
    inject: (stack) => stack.meanwhile(() => freeze(stack, 'images-2', 400), 100),
    repair: (stack) => stack.over(),
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
    inject: (stack) => {
      for (const link of toStore(stack, [...gateways, ...allWorkers])) link.become({ kind: 'slow', delayMs: 400 })
    },
    repair: (stack) => {
      for (const link of toStore(stack, [...gateways, ...allWorkers])) link.become({ kind: 'open' })
    },
  },
  {
    alert: 'AirlockPoolExhausted',
    speed: 30,
    async inject(stack) {
      await stack.blocks('lock table uploads in access exclusive mode')
      for (let client = 0; client < 20; client += 1) stack.meanwhile(() => stack.upload())
    },
    async repair(stack) {
      await stack.endSession('lock table uploads')
      await stack.over()
    },
  },
  {
    alert: 'AirlockGatewayErrors',
    speed: 30,
    inject(stack) {
      for (const link of toStore(stack, gateways)) link.become({ kind: 'cut' })
      stack.meanwhile(() => stack.upload(), 100)
    },
    async repair(stack) {
      for (const link of toStore(stack, gateways)) link.become({ kind: 'open' })
      await stack.over()
    },
  },
  {
    alert: 'AirlockPermitsExhausted',
    speed: 30,
    inject(stack) {
      for (let user = 0; user < 16; user += 1) stack.meanwhile((signal) => sendsSlowly(stack, signal))
    },
    // a proxy that limits slow connections
    repair: (stack) => stack.over(),
  },
  {
    alert: 'AirlockLaneStalled',
    speed: 30,
    async inject(stack) {
      await stack.cluster.ops(['pause', 'videos', '--reason', 'a drill'])
      await stack.uploads(1, 'video')
    },
    async repair(stack) {
      await stack.runs('npm run ops -- resume videos')
      await stack.ended()
    },
  },
  ...['warning', 'critical'].map(
    (severity): Drill => ({
      alert: 'AirlockLaneOld',
      severity,
      speed: 120,
      async inject(stack) {
        await kill(stack, ...imageWorkers)
        await stack.uploads(4)
      },
      async repair(stack) {
        await start(stack, ...imageWorkers)
        await stack.ended()
      },
    }),
  ),
  {
    alert: 'AirlockUploadsParked',
    speed: 60,
    async inject(stack) {
      stack.cluster.link('videos-1', 's3').become({ kind: 'cut' })
      await stack.uploads(1, 'video')
    },
    async repair(stack) {
      stack.cluster.link('videos-1', 's3').become({ kind: 'open' })
      await stack.runs('npm run ops -- jobs retry --code processing_failed --dry-run')
      await stack.runs(`npm run ops -- jobs retry --code processing_failed --reason 'the store is back' --yes`)
      await stack.runs(`npm run ops -- jobs release --code upload_vanished --reason 'the bytes are lost' --yes`)
      await stack.ended()
    },
  },
  {
    alert: 'AirlockRetriesHigh',
    speed: 30,
    async inject(stack) {
      for (const link of toStore(stack, imageWorkers)) link.become({ kind: 'cut' })
      await stack.uploads(12)
    },
    async repair(stack) {
      for (const link of toStore(stack, imageWorkers)) link.become({ kind: 'open' })
      await stack.ended()
    },
  },
  {
    alert: 'AirlockInspectorRestarts',
    speed: 5,
    // each ends three inspectors, and is rejected then
    inject: (stack) => stack.uploads(6, 'expensive'),
    repair: (stack) => stack.ended(),
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
    repair: (stack) => stack.runs('npm run ops -- inbox list'),
  },
  {
    alert: 'AirlockSweeperStopped',
    speed: 60,
    inject: (stack) => stack.blocks('select * from sweeper for update'),
    repair: (stack) => stack.endSession('select * from sweeper'),
  },
  {
    alert: 'AirlockSweeperRepairs',
    speed: 90,
    async inject(stack) {
      await kill(stack, ...imageWorkers)
      await stack.uploads(20)
      const redis = new Redis(stack.cluster.stack.redis.url)
      stack.meanwhile((signal) => (signal.aborted ? redis.disconnect() : redis.flushall()), 1000)
    },
    async repair(stack) {
      await stack.over()
      await start(stack, ...imageWorkers)
      await stack.ended()
    },
  },
  {
    alert: 'AirlockAssetObjectMissing',
    speed: 360,
    async inject(stack) {
      const [id] = await stack.uploads(1)
      await stack.ended()
      const { rows } = await stack.sql.query('select s3_key from assets where upload_id = $1', [id])
      await copyAsset(stack, rows[0].s3_key, { from: bucket, to: renders })
      const s3 = s3Client(stack.cluster.stack.s3)
      await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: rows[0].s3_key }))
      s3.destroy()
    },
    async repair(stack) {
      const { code, output } = await stack.run('npm run ops -- verify')
      const key = /brand-images\/\S+/.exec(output)?.[0] ?? ''
      if (code !== 1 || key === '') throw new Error(`verify did not name the asset: ${code}\n${output}`)
      await copyAsset(stack, key, { from: renders, to: bucket })
      await stack.runs('npm run ops -- verify')
    },
  },
  {
    alert: 'AirlockEventRelayLag',
    speed: 30,
    async inject(stack) {
      await stack.blocks('select * from event_relay for update')
      await stack.uploads(2)
    },
    repair: (stack) => stack.endSession('select * from event_relay'),
  },
  {
    alert: 'AirlockWebhookLag',
    speed: 180,
    async inject(stack) {
      stack.endpoint.answers(answering.status(503))
      await stack.uploads(2)
    },
    // Nothing else is to be done: the next attempt succeeds.
    repair: (stack) => stack.endpoint.answers(answering.status(204)),
  },
  {
    alert: 'AirlockWebhookDeadLetters',
    speed: 60,
    async inject(stack) {
      stack.endpoint.answers(answering.status(410))
      await stack.uploads(1)
    },
    async repair(stack) {
      stack.endpoint.answers(answering.status(204))
      await stack.runs('npm run ops -- webhooks replay --all')
    },
  },
]

async function freeze({ cluster }: DrillStack, name: ProcessName, ms: number): Promise<void> {
  cluster.process(name).signal('SIGSTOP')
  await wait(ms)
  cluster.process(name).signal('SIGCONT')
}

/** Sends a picture of which a few bytes arrive per second, until the signal fires. */
async function sendsSlowly({ cluster }: DrillStack, signal: AbortSignal): Promise<void> {
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
async function copyAsset({ cluster }: DrillStack, key: string, { from, to }: { from: string; to: string }): Promise<void> {
  const s3 = s3Client(cluster.stack.s3)
  await s3.send(new CopyObjectCommand({ Bucket: to, Key: key, CopySource: encodeURI(`${from}/${key}`), ServerSideEncryption: 'AES256' }))
  s3.destroy()
}
