import { availableParallelism } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import type { Inspect } from '@airlock/lifecycle'
import { type QueueLane, queueNames } from '@airlock/queue'
import { type Job, Worker } from 'bullmq'
import { retryAfterMs } from './jobs/process-upload.ts'
import { runJob } from './jobs/run-job.ts'
import type { WorkerMetrics } from './metrics.ts'
import { RunningJobs } from './running-jobs.ts'
import { sharedInspect } from './shared-inspect.ts'
import { UserConcurrency } from './user-concurrency.ts'
import type { WorkerDeps } from './worker-deps.ts'

/** How often a job may be found without its worker before Redis gives it up; the sweeper would ring for it again. */
const maxStalledCount = 5

/** How long a lane waits for Redis to hear its goodbye once no job runs any more, in ms. */
const closeTimeoutMs = 2000

/** Takes the jobs of one queue, and stops step by step. */
export interface Lane {
  /** Takes jobs until it stops. */
  run(): Promise<void>
  /** Takes no more jobs; those that run go on. */
  stopTaking(): void
  /** Takes no more jobs and waits for the ones that run, but not for a Redis that is away: its jobs come again. */
  finish(): Promise<void>
  /** Ends the jobs that still run, and gives them back for another worker to take at once. */
  handBack(): Promise<void>
}

/** A worker for the jobs of one lane. */
export function openLane(lane: QueueLane, inspect: Inspect, metrics: WorkerMetrics, deps: WorkerDeps): Lane {
  const { log } = deps
  const jobs = new RunningJobs()
  const notTaking = new AbortController()
  const stopping = new AbortController()
  const worker = laneWorker(lane, inspect, metrics, jobs, { ...deps, notTaking: notTaking.signal, stopping: stopping.signal })
  let closed: Promise<boolean> | undefined
  let finished: Promise<void> | undefined

  const stopTaking = (): Promise<boolean> => {
    notTaking.abort()
    closed ??= worker.close().then(() => true)
    return closed
  }
  /** A job may still have been on its way when no more were taken, so it looks again until the queue's worker is closed. */
  const end = async (): Promise<void> => {
    let done = false
    do {
      await jobs.ended()
      done = await firstOf(stopTaking(), closeTimeoutMs)
    } while (!done && jobs.running > 0)
    if (worker.unsettled.size > 0)
      log.warn({ lane, uploadIds: [...worker.unsettled] }, 'redis did not hear how jobs ended, they come again')
  }
  const finish = (): Promise<void> => {
    finished ??= end()
    return finished
  }
  return {
    run: () => worker.run(),
    stopTaking: () => void stopTaking(),
    finish,
    handBack() {
      stopping.abort(new Error('the worker stops'))
      return finish()
    },
  }
}

/** @returns what the promise came to, or false when it did not in time */
async function firstOf(promise: Promise<boolean>, ms: number): Promise<boolean> {
  const retryLimits = new AbortController()
  const late = setTimeout(ms, false, { signal: retryLimits.signal }).catch(() => false)
  return Promise.race([promise, late]).finally(() => retryLimits.abort())
}

/** Knows which jobs Redis has not heard the end of: with Redis away, BullMQ waits for it with what a job came to. */
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

/** @param setting 0: all places but one. Nobody has all of several places, however it is set */
const placesOfOneUser = (setting: number, places: number): number => Math.max(1, Math.min(setting === 0 ? places : setting, places - 1))

/** Files that are read at once, see `isolatedInspector`. */
const inspectorsOf = (concurrency: number): number => Math.min(concurrency, availableParallelism())

function laneWorker(
  lane: QueueLane,
  inspect: Inspect,
  metrics: WorkerMetrics,
  jobs: RunningJobs,
  deps: WorkerDeps & { notTaking: AbortSignal; stopping: AbortSignal },
): LaneWorker {
  const { database, log, retry } = deps
  const { uploads } = database
  const maxRunningPerUser = placesOfOneUser(deps.maxRunningPerUser, deps.concurrency)
  const jobDeps = {
    ...deps,
    uploads,
    inspect: sharedInspect(inspect, Math.max(1, Math.min(maxRunningPerUser, inspectorsOf(deps.concurrency) - 1))),
    concurrency: new UserConcurrency({ lane, places: deps.concurrency, maxRunningPerUser, uploads, jobQueue: deps.jobQueue }),
    assets: database.assets,
    onOutcome: (outcome: string) => metrics.outcomes.inc({ outcome }),
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
      lockDuration: deps.leaseSeconds * 1000,
      // a job whose worker died is found half a lease after its lock has run out, at the latest
      stalledInterval: (deps.leaseSeconds * 1000) / 2,
      // for what fails before a claim, as when the database is away; a failed attempt is delayed by its row
      settings: { backoffStrategy: (attemptsMade) => retryAfterMs(attemptsMade, retry, Math.random) },
    },
  )
  worker.on('error', (err) => log.warn({ lane, err }, 'queue out of reach'))
  worker.on('failed', (job, err) => log.warn({ lane, uploadId: job?.id, err }, 'job failed'))
  worker.on('lockRenewalFailed', (ids) => {
    for (const id of ids) worker.cancelJob(id, 'lock lost')
  })
  return worker
}
