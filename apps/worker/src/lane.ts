import { availableParallelism } from 'node:os'
import { backoffMs, resolvesWithin } from '@airlock/async'
import { isAssetType } from '@airlock/domain'
import { type Inspect, retryReason } from '@airlock/lifecycle'
import { type QueueLane, queueNames } from '@airlock/queue'
import { noTelemetry, type Telemetry } from '@airlock/telemetry'
import { type Job, UnrecoverableError, Worker } from 'bullmq'
import type { Step, WorkerMetrics } from './metrics.ts'
import { type RunJobDeps, runJob } from './run-job.ts'
import { sharedInspect, UserConcurrency } from './user-concurrency.ts'
import type { WorkerDeps } from './worker-deps.ts'

/** The set of running jobs, to wait for their end. */
export class RunningJobs {
  readonly #jobs = new Set<Promise<unknown>>()

  get running(): number {
    return this.#jobs.size
  }

  /** @returns the same job */
  add<T>(job: Promise<T>): Promise<T> {
    this.#jobs.add(job)
    const forget = () => void this.#jobs.delete(job)
    job.then(forget, forget)
    return job
  }

  /** Resolves when no job runs, including jobs that started meanwhile. */
  async ended(): Promise<void> {
    while (this.#jobs.size > 0) await Promise.allSettled(this.#jobs)
  }
}

/** How often a job may stall before BullMQ fails it; the sweeper would enqueue it again. */
const maxStalledCount = 5

/** How long a drained lane waits for its queue connection to close, in ms. */
const closeTimeoutMs = 2000

/** Processes the jobs of one queue, and stops step by step. */
export interface Lane {
  /** Takes jobs until it stops. */
  run(): Promise<void>
  /** Takes no more jobs; running jobs continue. */
  stopTaking(): void
  /** Takes no more jobs and waits for the running ones, but not for an unavailable Redis: its jobs are delivered again. */
  drain(): Promise<void>
  /** Aborts the jobs that still run, and hands them back so that another worker can take them at once. */
  handBack(): Promise<void>
}

/** A worker for the jobs of one lane. */
export function openLane(lane: QueueLane, inspect: Inspect, metrics: WorkerMetrics, deps: WorkerDeps): Lane {
  const { log } = deps
  const jobs = new RunningJobs()
  const notTaking = new AbortController()
  const stopping = new AbortController()
  const worker = laneWorker(lane, inspect, metrics, jobs, { ...deps, notTaking: notTaking.signal, stopping: stopping.signal })
  let closed: Promise<void> | undefined
  let drained: Promise<void> | undefined

  const stopTaking = (): Promise<void> => {
    notTaking.abort()
    closed ??= worker.close()
    return closed
  }
  /** A job may still have been in transit when the lane stopped taking jobs, so this repeats until the queue's worker is closed. */
  const drainOnce = async (): Promise<void> => {
    let done = false
    do {
      await jobs.ended()
      done = await resolvesWithin(stopTaking(), { ms: closeTimeoutMs })
    } while (!done && jobs.running > 0)
    if (worker.unsettled.size > 0)
      log.warn({ lane, uploadIds: [...worker.unsettled] }, 'redis did not confirm the end of jobs, they are delivered again')
  }
  const drain = (): Promise<void> => {
    drained ??= drainOnce()
    return drained
  }
  return {
    run: () => worker.run(),
    stopTaking: () => void stopTaking(),
    drain,
    handBack() {
      stopping.abort(new Error('the worker is shutting down'))
      return drain()
    },
  }
}

/** Tracks the jobs whose end Redis has not confirmed: while Redis is unavailable, BullMQ waits to report their results. */
class LaneWorker extends Worker {
  readonly unsettled = new Set<string>()

  override async processJob(job: Job, token: string, fetchNext?: () => boolean): Promise<Job | undefined> {
    const id = String(job.id)
    this.unsettled.add(id)
    try {
      return (await super.processJob(job, token, fetchNext)) ?? undefined
    } finally {
      this.unsettled.delete(id)
    }
  }
}

/** @param setting 0 means all slots but one, which is also the maximum when there are several */
const slotsOfOneUser = (setting: number, slots: number): number => Math.max(1, Math.min(setting === 0 ? slots : setting, slots - 1))

/** Concurrent inspections, see `isolatedInspectors`. */
const inspectorsOf = (concurrency: number): number => Math.min(concurrency, availableParallelism())

function laneWorker(
  lane: QueueLane,
  inspect: Inspect,
  metrics: WorkerMetrics,
  jobs: RunningJobs,
  deps: WorkerDeps & { notTaking: AbortSignal; stopping: AbortSignal },
): LaneWorker {
  const {
    database,
    store,
    log,
    retry,
    leaseSeconds,
    sizeLimits,
    maxRunningPerProject,
    bucket,
    notTaking,
    stopping,
    telemetry = noTelemetry,
  } = deps
  const { uploads, assets } = database
  const maxRunningPerUser = slotsOfOneUser(deps.maxRunningPerUser, deps.concurrency)
  const users = new UserConcurrency({ lane, slots: deps.concurrency, maxRunningPerUser, uploads, jobQueue: deps.jobQueue })
  const steps = timedSteps({ uploads, store, inspect }, metrics, telemetry)
  const jobDeps: RunJobDeps = {
    ...steps,
    assets,
    log,
    bucket,
    limits: { leaseSeconds, retry, sizeLimits },
    maxRunningPerProject,
    inspect: sharedInspect(steps.inspect, Math.max(1, Math.min(maxRunningPerUser, inspectorsOf(deps.concurrency) - 1))),
    admit: (uploadId, signal) => users.admit(uploadId, AbortSignal.any([signal, notTaking])),
    stopping,
    onOutcome: (outcome) => {
      metrics.countRun(outcome)
      telemetry.annotate({ 'airlock.outcome': outcome })
      if (failures.has(outcome)) telemetry.markFailed(outcome)
    },
    onRetry: (reason) => {
      metrics.retries.inc({ reason })
      telemetry.annotate({ 'airlock.retry.reason': reason })
    },
    onCompleted: ({ metadata }) => metrics.countProvenance(metadata?.facts?.provenance),
    onRegistered: ({ assetType, sizeBytes }) => metrics.countBytes('pipeline', assetType ?? 'generated_video', sizeBytes ?? 0),
  }
  const worker = new LaneWorker(
    queueNames[lane],
    (job, token, signal) => jobs.add(runJob(job, token, signal ?? new AbortController().signal, jobDeps)),
    {
      connection: deps.redis,
      prefix: deps.queuePrefix,
      autorun: false,
      concurrency: deps.concurrency,
      maxStalledCount,
      lockDuration: leaseSeconds * 1000,
      // a job whose worker died is found at most half a lease after its lock has expired
      stalledInterval: (leaseSeconds * 1000) / 2,
      // for failures before a claim, such as an unavailable database; the row determines the delay after a failed attempt
      settings: { backoffStrategy: (attemptsMade) => backoffMs(attemptsMade, retry) },
      ...(telemetry.queue && { telemetry: telemetry.queue }),
    },
  )
  worker.on('error', (err) => log.warn({ lane, err }, 'queue unreachable'))
  worker.on('failed', (job, err) => {
    log.warn({ lane, uploadId: job?.id, err }, 'job failed')
    if (!(err instanceof UnrecoverableError)) metrics.retries.inc({ reason: retryReason(err) })
  })
  worker.on('lockRenewalFailed', (ids) => {
    for (const id of ids) worker.cancelJob(id, 'lock lost')
  })
  return worker
}

/** The outcomes of runs that show a fault. */
const failures: ReadonlySet<string> = new Set(['retry', 'parked', 'refused'])

type Steps = Pick<RunJobDeps, 'uploads' | 'store' | 'inspect'>

/** The same servers and inspector, with the durations and spans of the steps that a run takes on them. */
function timedSteps({ uploads, store, inspect }: Steps, metrics: WorkerMetrics, telemetry: Telemetry): Steps {
  const timed = async <T>(step: Step, kind: string | undefined, work: () => Promise<T>): Promise<T> => {
    const started = performance.now()
    const attributes = kind === undefined ? {} : { 'airlock.asset.type': kind }
    const result = await telemetry.trace({ name: step, attributes }, work)
    if (kind !== undefined && isAssetType(kind)) metrics.observeStep(step, kind, performance.now() - started)
    return result
  }
  return {
    inspect: (source, claim, signal) =>
      timed('inspect', claim.assetType, () => {
        telemetry.annotate({ 'airlock.attempt': claim.attempt, 'airlock.size_bytes': claim.sizeBytes })
        // requests of an inspector arrive in the context in which its process was started, perhaps for another upload
        return inspect({ ...source, read: telemetry.bind(source.read) }, claim, signal)
      }),
    uploads: { ...uploads, complete: (claim, verdict) => timed('complete', claim.assetType, () => uploads.complete(claim, verdict)) },
    store: {
      ...store,
      copyToFinal: (from, to, options) => timed('copy', options.headers.metadata.asset_type, () => store.copyToFinal(from, to, options)),
    },
  }
}
