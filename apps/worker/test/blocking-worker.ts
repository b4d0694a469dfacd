/**
 * A worker program whose first copy blocks the event loop, so that it renews no lease and receives no messages. Its settings are JSON.
 */
import { listenForEvents, listenForFeed, listenForPurges, openDatabase } from '@airlock/database'
import { defaultSizeLimits } from '@airlock/domain'
import { plainLauncher } from '@airlock/inspection/isolated'
import { blockingConnection, JobQueue } from '@airlock/queue'
import { type ObjectStore, type S3StoreOptions, s3ObjectStore } from '@airlock/storage'
import { buildWorker } from '../src/app.ts'
import { isolatedInspectors } from '../src/isolated-inspector.ts'
import { webhookOptions } from './webhooks.ts'

export interface BlockingWorkerSettings {
  readonly databaseUrl: string
  readonly redisUrl: string
  readonly prefix: string
  readonly store: S3StoreOptions
  readonly leaseSeconds: number
  readonly blocksForMs: number
}

/** Its messages to the parent. */
export type WorkerMessage = 'ready' | 'blocked' | 'continues' | { readonly line: string }

const settings = JSON.parse(process.argv[2] ?? '') as BlockingWorkerSettings
const send = (message: WorkerMessage) => process.send?.(message)
const onError = () => {}
const log = {
  info: (_fields: object, line: string) => send({ line }),
  warn: (_fields: object, line: string) => send({ line }),
  error: (_fields: object, line: string) => send({ line }),
}

let blocked = false
const real = s3ObjectStore(settings.store)
const store: ObjectStore = {
  ...real,
  copyToFinal: (...copy) => {
    if (!blocked) block()
    return real.copyToFinal(...copy)
  },
}

function block(): void {
  blocked = true
  send('blocked')
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, settings.blocksForMs)
  send('continues')
}

const worker = buildWorker({
  database: await openDatabase({
    url: settings.databaseUrl,
    poolSize: 5,
    statementTimeoutMs: 5000,
    connectTimeoutMs: 2000,
    applicationName: 'blocking-worker',
    log,
  }),
  store,
  jobQueue: new JobQueue({ ...settings, onError }),
  redis: blockingConnection(settings.redisUrl, { onError }),
  queuePrefix: settings.prefix,
  log,
  build: { version: '0.1.0', revision: 'unknown' },
  metricsPort: null,
  lanes: ['images'],
  concurrency: 1,
  maxRunningPerUser: 0,
  retry: { minAttempts: 8, retryForSeconds: 0, firstMs: 20, maxMs: 100 },
  leaseSeconds: settings.leaseSeconds,
  sizeLimits: defaultSizeLimits,
  inspectors: isolatedInspectors({ sizeLimits: defaultSizeLimits, concurrency: 1, launcher: plainLauncher }),
  maxRunningPerProject: 0,
  bucket: settings.store.bucket,
  sweep: {
    everySeconds: 3600,
    enqueueAfterSeconds: 60,
    inboxEnqueueAfterSeconds: 60,
    receivingForSeconds: 3600,
    callSeconds: 30,
    restSeconds: 3600,
    maxRemovals: 1000,
    unusedAssetDays: 90,
    graceDays: 7,
    uploadRecordDays: 30,
    leaseSeconds: 60,
  },
  purge: { everySeconds: 3600, againInSeconds: 30 },
  upkeep: { everySeconds: 3600, accessLogDays: 400, eventDays: 30 },
  relay: { everySeconds: 3600 },
  webhooks: webhookOptions,
  listenForPurges: (handlers) => listenForPurges({ url: settings.databaseUrl, log, ...handlers }),
  listenForEvents: (handlers) => listenForEvents({ url: settings.databaseUrl, log, ...handlers }),
  listenForFeed: (handlers) => listenForFeed({ url: settings.databaseUrl, log, ...handlers }),
})
worker.start()
send('ready')
