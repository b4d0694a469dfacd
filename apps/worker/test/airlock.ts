import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { listenForEvents, listenForFeed, listenForPurges, type UploadRecord } from '@airlock/database'
import { type AssetType, defaultSizeLimits, type UploadState } from '@airlock/domain'
import { plainLauncher } from '@airlock/inspection/isolated'
import { accept, type FormFields, receive, Tally } from '@airlock/lifecycle'
import type { QueueLane } from '@airlock/queue'
import { waitFor } from '@airlock/testkit'
import { AirlockFixture, openQueues, openServers, type Queues, type Servers } from '@airlock/testkit/airlock'
import type { Sample } from '@airlock/testkit/samples'
import { test as base } from 'vitest'
import { type AirlockWorker, buildWorker } from '../src/app.ts'
import { type InspectionSettings, type IsolatedInspectors, isolatedInspectors } from '../src/isolated-inspector.ts'
import type { WorkerDeps } from '../src/worker-deps.ts'
import { type Gate, gatedCopy } from './gate.ts'
import { webhookOptions } from './webhooks.ts'

/** Sweeps too rarely to change anything during a test. */
export const sweepOptions: WorkerDeps['sweep'] = {
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
}

/** Without a limit of files. */
const noCounter = { secondsUntilRoom: async () => 0, refused: async () => {}, givenBack: async () => {} }

/** The asset types of files that are not pictures. */
const assetTypes: Readonly<Record<string, AssetType>> = { 'video/mp4': 'generated_video', 'application/zip': 'lora_training' }

type Shared = Pick<IsolatedInspectors, 'forLane' | 'usage'>

/** @property inspection settings, for which the worker gets inspectors of its own */
type WorkerOptions = Partial<WorkerDeps> & { inspection?: InspectionSettings | undefined }

/** Airlock for tests without a gateway: files are accepted, workers run on real queues, and results can be read. */
export class Airlock extends AirlockFixture {
  readonly #workers: AirlockWorker[] = []
  readonly #gates: Gate[] = []
  readonly #own: IsolatedInspectors[] = []
  readonly #shared: Shared | undefined

  /** @param shared inspectors for workers that need no settings of their own */
  constructor(servers: Servers, queues: Queues, shared?: Shared) {
    super(servers, queues)
    this.#shared = shared
  }

  /** Receives, accepts and enqueues one file. */
  async accepts(
    sample: Sample,
    { clientMetadata = null, userId = this.userId }: { clientMetadata?: FormFields['clientMetadata']; userId?: string } = {},
  ): Promise<UploadRecord> {
    const { uploads, store } = this
    const assetType = assetTypes[sample.declaredType] ?? 'brand_image'
    const form = {
      assetType,
      projectId: assetType === 'generated_video' ? randomUUID() : null,
      brandId: assetType === 'lora_training' ? randomUUID() : null,
      clientMetadata,
      requestId: 'request-1',
    } as const
    const file = await receive(
      { ...sample, assetType, bytes: Readable.from([sample.bytes], { objectMode: false }), tally: new Tally() },
      { userId, requestId: 'request-1', door: 'form', filesPerHour: 1000, sizeLimits: defaultSizeLimits },
      { uploads, store, counter: noCounter, log: this.log },
    )
    const [upload] = await accept([file], form, { uploads, jobQueue: this.queues.jobQueue, log: this.log })
    if (upload === undefined) throw new Error('not accepted')
    return upload
  }

  /** A store that holds its first copy until the gate is opened, at the latest by the test's end. */
  gate(): Gate {
    const gate = gatedCopy(this.servers.store)
    this.#gates.push(gate)
    return gate
  }

  /** A worker that is built, and not started. The test's end stops it. */
  buildsWorker({ inspection, ...given }: WorkerOptions = {}): AirlockWorker {
    const worker = buildWorker({
      database: this.servers.database,
      store: this.servers.store,
      jobQueue: this.queues.jobQueue,
      redis: this.queues.connection(),
      queuePrefix: this.queues.prefix,
      log: this.log,
      build: { version: '0.1.0', revision: 'unknown' },
      metricsPort: null,
      lanes: ['images', 'videos'],
      concurrency: 4,
      maxRunningPerUser: 0,
      retry: { minAttempts: 8, retryForSeconds: 0, firstMs: 20, maxMs: 100 },
      leaseSeconds: 60,
      sizeLimits: defaultSizeLimits,
      inspectors: this.#inspectorsFor({ inspection, ...given }),
      maxRunningPerProject: 3,
      bucket: this.servers.bucket.bucket,
      sweep: sweepOptions,
      purge: { everySeconds: 3600, againInSeconds: 30 },
      upkeep: { everySeconds: 3600, accessLogDays: 400, eventDays: 30 },
      relay: { everySeconds: 3600 },
      webhooks: webhookOptions,
      listenForPurges: (handlers) => listenForPurges({ url: this.servers.databaseUrl, log: this.log, ...handlers }),
      listenForEvents: (handlers) => listenForEvents({ url: this.servers.databaseUrl, log: this.log, ...handlers }),
      listenForFeed: (handlers) => listenForFeed({ url: this.servers.databaseUrl, log: this.log, ...handlers }),
      ...given,
    })
    this.#workers.push(worker)
    return worker
  }

  startsWorker(options: WorkerOptions = {}): AirlockWorker {
    const worker = this.buildsWorker(options)
    worker.start()
    return worker
  }

  /** Waits until an upload has reached a state. The timeout only detects a stuck upload; it is not a performance bound. */
  async comesTo(state: UploadState, upload: { id: string }, timeoutMs = 45_000): Promise<UploadRecord> {
    await waitFor(async () => (await this.of(upload)).state === state, { what: `upload ${upload.id} in state ${state}`, timeoutMs })
    return this.of(upload)
  }

  /** The state of an upload's job in Redis; `gone` without one. */
  jobState({ id }: { id: string }, lane: QueueLane = 'images'): Promise<string> {
    return this.queues.onLane(lane, async (queue) => (await (await queue.getJob(id))?.getState()) ?? 'gone')
  }

  #inspectorsFor({ inspection: settings, sizeLimits = defaultSizeLimits, concurrency = 4 }: WorkerOptions): Shared {
    if (this.#shared && settings === undefined && sizeLimits === defaultSizeLimits) return this.#shared
    const inspectors = isolatedInspectors({ sizeLimits, concurrency, settings, launcher: plainLauncher })
    this.#own.push(inspectors)
    return inspectors
  }

  async stopsAll(): Promise<void> {
    for (const gate of this.#gates) gate.open()
    await Promise.all(this.#workers.map((worker) => worker.stop()))
    await Promise.all(this.#workers.map((worker) => worker.health.close()))
    await Promise.all(this.#own.map((inspectors) => inspectors.close()))
  }
}

/** Inspectors that all tests of a process share, because to start a process takes longer than most inspections. */
function sharedInspectors() {
  const inspectors = isolatedInspectors({ sizeLimits: defaultSizeLimits, concurrency: 4, launcher: plainLauncher })
  const inspect = inspectors.forLane()
  return { ...inspectors, forLane: () => inspect }
}

/** Each file has its own database and bucket, each test its own queues. Stops workers, and fails a test that leaves rows or objects. */
export const test = base
  .extend('inspectors', { scope: 'worker' }, async ({ task: _ }: { task?: unknown }, { onCleanup }) => {
    const inspectors = sharedInspectors()
    onCleanup(() => inspectors.close())
    return inspectors
  })
  .extend('servers', { scope: 'file' }, async ({ inspectors: _ }: { inspectors?: unknown }, { onCleanup }) => {
    const servers = await openServers()
    onCleanup(() => servers.close())
    return servers
  })
  .extend('airlock', async ({ servers, inspectors }, { onCleanup }) => {
    await servers.empty()
    const queues = await openQueues()
    const airlock = new Airlock(servers, queues, inspectors)
    onCleanup(async () => {
      await airlock.stopsAll()
      await queues.close()
      await airlock.expectNothingLeft()
    })
    return airlock
  })
