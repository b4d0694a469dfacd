import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import type { UploadRecord } from '@airlock/database'
import { defaultSizeLimits, type SizeLimits, type UploadState } from '@airlock/domain'
import { defaultLimits, inspect } from '@airlock/inspection/full'
import type { QueueLane } from '@airlock/queue'
import { AirlockFixture, openQueues, openServers, type Queues, type Servers } from '@airlock/testkit/airlock'
import { type Sample, samples } from '@airlock/testkit/samples'
import type { Job } from 'bullmq'
import { test as base } from 'vitest'
import {
  accept,
  type IncomingFile,
  type Inspect,
  type MeasuredClaim,
  type Outcome,
  type ReceiveDeps,
  type ReceivedFile,
  receive,
  type Sender,
  type SweepDeps,
  type SweepOptions,
  type SweepReport,
  type Swept,
  sweep,
  sweepRules,
  Tally,
  type WorkDeps,
  workOn,
} from '../src/index.ts'
import { MemoryCounter } from './memory-counter.ts'
import { Died, type Fate, Mortal } from './mortal.ts'

/** The servers of one test file, with queues that its tests share. */
export interface World extends Servers {
  readonly queues: Queues
  readonly jobQueue: Queues['jobQueue']
}

/** The outcome of a worker's run. */
export type Run = Outcome | { ended: 'died' }

export interface WorkerOptions extends Partial<WorkDeps> {
  leaseSeconds?: number
  sizeLimits?: SizeLimits
  /** Parks at this failed attempt, if it has also failed for long enough. */
  maxAttempts?: number
  retryForSeconds?: number
  /** The process dies after this call of the store, the uploads or a source, which has taken effect. */
  diesAfter?: string
  diesBefore?: string
}

export interface Received extends Partial<Omit<IncomingFile, 'bytes' | 'tally'>>, Partial<Sender> {
  bytes?: Readable
  deps?: Partial<ReceiveDeps>
}

/** Options of sweeps: objects of any age, without a pause between passes. */
export const sweepOptions: SweepOptions = {
  enqueueAfterSeconds: 60,
  inboxEnqueueAfterSeconds: -1, // the same, and two sweeps may run within one ms
  receivingForSeconds: 3600,
  callSeconds: -1, // the clock of the store may be a moment ahead of ours
  // two sweeps may run within one ms
  restSeconds: -1,
  maxRemovals: 1000,
  unusedAssetDays: 90,
  graceDays: 7,
  uploadRecordDays: 30,
  leaseSeconds: 60,
}

/** The result of a sweep without findings. */
export const nothingSwept = Object.fromEntries(sweepRules.map((name) => [name, 0])) as SweepReport

/** The real inspection. */
export const realInspect: Inspect = (source, { filename, detectedType, assetType }) =>
  inspect(source, { filename, mediaType: detectedType, assetType }, defaultLimits)

/** The form fields of a sample. */
export function formOf({ declaredType }: Pick<Sample, 'declaredType'>) {
  const assetType = declaredType === 'video/mp4' ? 'generated_video' : 'brand_image'
  return {
    assetType,
    projectId: declaredType === 'video/mp4' ? randomUUID() : null,
    brandId: null,
    clientMetadata: null,
    requestId: 'request-1',
  } as const
}

/** Replacements of a sweep's dependencies. */
type Sweeping = Partial<Omit<SweepDeps, 'jobQueue'>> & { jobQueue?: Partial<SweepDeps['jobQueue']> }

/** The methods of one queue, completed by those of another. */
const bellOf = (given: Partial<SweepDeps['jobQueue']>, otherwise: SweepDeps['jobQueue']): SweepDeps['jobQueue'] => ({
  ensureEnqueued: (...args) => (given.ensureEnqueued ? given.ensureEnqueued(...args) : otherwise.ensureEnqueued(...args)),
  isEnqueued: (...args) => (given.isEnqueued ? given.isEnqueued(...args) : otherwise.isEnqueued(...args)),
  ensureVideoEnqueued: (...args) =>
    given.ensureVideoEnqueued ? given.ensureVideoEnqueued(...args) : otherwise.ensureVideoEnqueued(...args),
  failureOf: (...args) => (given.failureOf ? given.failureOf(...args) : otherwise.failureOf(...args)),
})

/** Airlock for tests: receives files, runs workers, simulates time, and returns what is left. */
export class Airlock extends AirlockFixture {
  readonly world: World
  readonly counter = new MemoryCounter()
  protected override readonly prefixes = ['quarantine/', 'pipeline-inbox/']

  constructor(world: World) {
    super(world, world.queues)
    this.world = world
  }

  /** Streams a file to quarantine, like a door. */
  receives(sample: Sample, { bytes, deps, ...given }: Received = {}): Promise<ReceivedFile> {
    const {
      filename = sample.filename,
      declaredType = sample.declaredType,
      assetType = formOf(sample).assetType,
      expectedHash = null,
      ...sender
    } = given
    return receive(
      { filename, declaredType, assetType, expectedHash, bytes: bytes ?? inChunks(sample.bytes), tally: new Tally() },
      { userId: this.userId, requestId: 'request-1', door: 'form', filesPerHour: 1000, sizeLimits: defaultSizeLimits, ...sender },
      { uploads: this.uploads, store: this.store, counter: this.counter, log: this.log, ...deps },
    )
  }

  /** Receives and accepts one file. */
  async accepts(sample: Sample, given: Received = {}): Promise<UploadRecord> {
    const file = await this.receives(sample, given)
    const [upload] = await accept([file], formOf(sample), { uploads: this.uploads, jobQueue: this.world.jobQueue, log: this.log })
    if (upload === undefined) throw new Error('not accepted')
    return upload
  }

  /** A worker. */
  worker({
    maxAttempts: minAttempts = 8,
    retryForSeconds = 0,
    leaseSeconds = 60,
    sizeLimits = defaultSizeLimits,
    diesAfter,
    diesBefore,
    ...deps
  }: WorkerOptions = {}): {
    process(upload: { id: string }, signal?: AbortSignal): Promise<Run>
  } {
    const fate = fateOf(diesAfter, diesBefore)
    const mortal = new Mortal(fate ?? { verb: '', when: 'after' })
    const limits = { leaseSeconds, sizeLimits, retry: { minAttempts, retryForSeconds, firstMs: 0, maxMs: 0 } }
    const all: WorkDeps = {
      inspect: realInspect,
      log: this.log,
      ...deps,
      uploads: mortal.holds(deps.uploads ?? this.uploads),
      store: mortal.holds(deps.store ?? this.store),
    }
    return {
      process: async ({ id }, signal = new AbortController().signal) => {
        const run = await workOn(id, limits, signal, all).catch((error: unknown): Run => {
          if (error instanceof Died) return { ended: 'died' }
          throw error
        })
        if (mortal.died !== (fate !== null))
          throw new Error(mortal.died ? 'the worker died' : `the worker never came to its end ${JSON.stringify(fate)}`)
        return mortal.died ? { ended: 'died' } : run
      },
    }
  }

  /** Sweeps; no rule may fail. @returns null if another sweeper has the lease */
  async sweeps(options: Partial<SweepOptions> = {}, given: Sweeping = {}): Promise<SweepReport | null> {
    const swept = await this.triesToSweep(options, given)
    if (swept?.failure) throw swept.failure
    return swept?.report ?? null
  }

  triesToSweep(options: Partial<SweepOptions> = {}, { jobQueue: given = {}, ...deps }: Sweeping = {}): Promise<Swept | null> {
    const { database } = this.world
    const jobQueue = bellOf(given, this.world.jobQueue)
    return sweep(
      { ...sweepOptions, ...options },
      { uploads: this.uploads, assets: database.assets, sweeper: database.sweeper, store: this.store, jobQueue, log: this.log, ...deps },
    )
  }

  /** Claims an upload like a worker. */
  async claims({ id }: { id: string }, leaseSeconds = 60): Promise<MeasuredClaim> {
    const outcome = await this.uploads.claim(id, { leaseSeconds })
    if (!outcome.claimed) throw new Error(`not claimed: ${outcome.reason}`)
    const { contentHash } = outcome.claim
    if (contentHash === null) throw new Error('claimed, but not measured')
    return { ...outcome.claim, contentHash }
  }

  /** Expires the lease of an upload. */
  async leaseExpires({ id }: { id: string }): Promise<void> {
    await this.world.sql.query(`update uploads set lease_until = now() - interval '1 ms' where id = $1`, [id])
  }

  /** Backdates the last change of an upload. */
  async ages({ id }: { id: string }, seconds: number): Promise<void> {
    await this.world.sql.query(
      `update uploads set created_at = created_at - make_interval(secs => $2), updated_at = updated_at - make_interval(secs => $2) where id = $1`,
      [id, seconds],
    )
  }

  /** Replaces the quarantined bytes. */
  async replaces({ quarantineKey }: { quarantineKey: string }, bytes: Buffer): Promise<void> {
    await this.store.receive(quarantineKey, Readable.from([bytes], { objectMode: false }), { nonce: randomUUID() })
  }

  async stateOf(upload: { id: string }): Promise<UploadState> {
    return (await this.of(upload)).state
  }

  /** The rows of this test's user, oldest first. */
  async rows(): Promise<UploadRecord[]> {
    const { rows } = await this.world.sql.query('select id from uploads where user_id = $1 order by created_at, id', [this.userId])
    return Promise.all(rows.map((row) => this.of(row)))
  }

  openMultipartUploads(): Promise<string[]> {
    return this.world.bucket.openMultipartUploads()
  }

  /** All objects outside of quarantine and inbox. */
  async finalObjects(): Promise<string[]> {
    return (await this.world.bucket.keys()).filter((key) => !/^(quarantine|pipeline-inbox)\//.test(key))
  }

  async bytesAt(key: string): Promise<Buffer> {
    const object = await this.store.head(key)
    if (object === null) throw new Error(`nothing at ${key}`)
    return Buffer.from(await this.store.source(key, object).read(0, object.sizeBytes))
  }

  /** The upload ids of a lane's jobs. */
  enqueuedIds(lane: QueueLane): Promise<string[]> {
    return this.queues.onLane(lane, async (queue) => {
      const jobs = await queue.getJobs(['wait', 'prioritized', 'delayed', 'active'])
      return jobs.map(({ id }) => id ?? '')
    })
  }

  /** The job of an upload, or null. */
  jobOf(lane: QueueLane, uploadId: string): Promise<Job | null> {
    return this.queues.onLane(lane, async (queue) => (await queue.getJob(uploadId)) ?? null)
  }

  /** Removes the jobs of a lane, like a loss of Redis data. */
  async forgetsJobs(lane: QueueLane): Promise<void> {
    await this.queues.onLane(lane, (queue) => queue.obliterate({ force: true }))
  }
}

function fateOf(diesAfter: string | undefined, diesBefore: string | undefined): Fate | null {
  if (diesAfter !== undefined) return { verb: diesAfter, when: 'after' }
  return diesBefore === undefined ? null : { verb: diesBefore, when: 'before' }
}

/** Bytes in chunks as from a network. */
export function inChunks(bytes: Buffer, chunkBytes = 64 * 1024): Readable {
  return Readable.from(
    (function* () {
      for (let offset = 0; offset < bytes.byteLength; offset += chunkBytes) yield bytes.subarray(offset, offset + chunkBytes)
    })(),
    { objectMode: false },
  )
}

/** Each file has its own database, bucket and queues, and each test an empty Airlock. A test that leaves something fails. */
export const test = base
  .extend('world', { scope: 'file' }, async ({ task: _ }: { task?: unknown }, { onCleanup }) => {
    const [servers, queues] = await Promise.all([openServers(), openQueues()])
    onCleanup(async () => {
      await queues.close()
      await servers.close()
    })
    return { ...servers, queues, jobQueue: queues.jobQueue }
  })
  .extend('airlock', async ({ world }, { onCleanup }) => {
    await Promise.all([world.empty(), world.queues.empty()])
    const airlock = new Airlock(world)
    onCleanup(() => airlock.expectNothingLeft())
    return airlock
  })

export { samples }
