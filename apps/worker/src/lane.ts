import { setTimeout } from 'node:timers/promises'
import type { Inspect } from '@airlock/lifecycle'
import { type QueueLane, queueNames } from '@airlock/queue'
import { Worker } from 'bullmq'
import type { WorkerDeps } from './app.ts'
import { handleProcessUpload, retryAfterMs } from './jobs/process-upload.ts'
import type { WorkerMetrics } from './metrics.ts'
import { RunningJobs } from './running-jobs.ts'

/** How often a job may be found without its worker before Redis gives it up; the sweeper would ring for it again. */
const maxStalledCount = 5

/** How long a lane waits for Redis to hear its goodbye once no job runs any more, in ms. */
const goodbyeMs = 2000

export interface Lane {
  /** Takes jobs until it is closed. */
  run(): Promise<void>
  /** Takes no more jobs and waits for the ones that run, but not for a Redis that is away: its jobs come again. */
  close(): Promise<void>
}

/** A worker for the jobs of one lane. */
export function openLane(lane: QueueLane, inspect: Inspect, metrics: WorkerMetrics, deps: WorkerDeps): Lane {
  const { log } = deps
  const jobs = new RunningJobs()
  const worker = laneWorker(lane, inspect, metrics, jobs, deps)
  return {
    run: () => worker.run(),
    async close() {
      const closed = worker.close().then(() => true)
      const patience = new AbortController()
      let done = false
      do {
        await jobs.ended()
        done = await Promise.race([closed, setTimeout(goodbyeMs, false, { signal: patience.signal }).catch(() => false)])
      } while (!done && jobs.running > 0)
      patience.abort()
      if (!done) log.warn({ lane }, 'redis does not hear the goodbye, lane left')
    },
  }
}

function laneWorker(lane: QueueLane, inspect: Inspect, metrics: WorkerMetrics, jobs: RunningJobs, deps: WorkerDeps): Worker {
  const { database, log, retry } = deps
  const jobDeps = {
    ...deps,
    uploads: database.uploads,
    inspect,
    onOutcome: (outcome: string) => metrics.outcomes.inc({ outcome }),
  }
  const worker = new Worker(
    queueNames[lane],
    (job, token, signal) => jobs.add(handleProcessUpload(job, token, signal ?? new AbortController().signal, jobDeps)),
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
