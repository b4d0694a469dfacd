import { InspectionFailed, InspectorBusy } from '@airlock/domain'
import {
  AttemptFailed,
  handBack,
  type Outcome,
  type ProcessDeps,
  processUpload,
  type RetryLimits,
  settleFailedAttempt,
} from '@airlock/lifecycle'
import { DelayedError, type Job, UnrecoverableError, WaitingError } from 'bullmq'
import type { UserConcurrency } from '../user-concurrency.ts'
import { withTimeout } from '../with-timeout.ts'

/** When and how often a job is retried. The attempts and times of the row decide, since the counters in Redis may be lost with Redis. */
export interface RetryPolicy extends RetryLimits {
  baseMs: number
  capMs: number
}

/**
 * The delay before another attempt: doubling, capped, and random within its upper half, so that many jobs do not retry at the same time.
 *
 * @param attemptsMade from 1
 * @param random from 0 to 1
 * @returns ms
 */
export function retryAfterMs(attemptsMade: number, { baseMs, capMs }: Pick<RetryPolicy, 'baseMs' | 'capMs'>, random: () => number): number {
  const full = Math.min(capMs, baseMs * 2 ** Math.min(attemptsMade - 1, 30))
  return Math.round(full * (0.5 + random() / 2))
}

export interface ProcessUploadDeps extends ProcessDeps {
  retry: RetryPolicy
  /** Concurrent pipeline videos of one project over all workers; 0: unlimited. */
  maxRunningPerProject: number
  /** Shares the lane between users. */
  concurrency: Pick<UserConcurrency, 'admit'>
  /** Fires when the worker takes no more jobs. */
  notTaking: AbortSignal
  /** Fires when the worker shuts down and no longer waits for its jobs. */
  stopping: AbortSignal
  onOutcome(outcome: Outcome['ended'] | 'released' | 'parked' | 'handed_back' | 'throttled'): void
}

/** How a run ended an upload. */
export type UploadEnded = Extract<Outcome, { ended: 'completed' | 'rejected' }>

/**
 * Runs a job: processes one accepted upload. A bad file is rejected at its first attempt. Faults of servers are retried until the upload is
 * parked. A job whose upload another worker holds is delayed until that lease ends, and one whose user or project is throttled is delayed
 * briefly. A worker that shuts down hands unfinished uploads back.
 *
 * @param signal fires when the job's lock is lost
 * @returns how this run ended the upload; null if it did not end it
 */
export async function handleProcessUpload(
  uploadId: string,
  job: Job,
  token: string | undefined,
  signal: AbortSignal,
  deps: ProcessUploadDeps,
): Promise<UploadEnded | null> {
  const { stopping, notTaking } = deps
  let release = () => {}
  const projectConcurrency = { maxRunning: deps.maxRunningPerProject, retryInMs: retryThrottledMs(job.attemptsStarted, Math.random) }
  let outcome: Outcome
  try {
    stopping.throwIfAborted() // taken from the queue just before the shutdown
    const admission = await deps.concurrency.admit(uploadId, AbortSignal.any([signal, stopping, notTaking]))
    if (!admission.go) {
      deps.onOutcome('throttled')
      return await delay(job, token, throttledForMs(Math.random))
    }
    release = admission.release
    const onProgress = (part: number) => withTimeout(job.updateProgress(part))
    outcome = await processUpload(uploadId, AbortSignal.any([signal, stopping]), { ...deps, projectConcurrency, onProgress })
  } catch (error) {
    if (error instanceof DelayedError) throw error
    if (stopping.aborted) return handJobBack(error, job, token, deps)
    if (!(error instanceof AttemptFailed)) throw error
    return settle(error, job, token, deps)
  } finally {
    release()
  }
  deps.onOutcome(outcome.ended)
  if (outcome.ended === 'leased' || outcome.ended === 'throttled') return delay(job, token, outcome.retryInMs)
  return outcome.ended === 'nothing' ? null : outcome
}

async function settle(failed: AttemptFailed, job: Job, token: string | undefined, deps: ProcessUploadDeps): Promise<UploadEnded | null> {
  if (failed.cause instanceof InspectorBusy) return waitForInspector(failed, job, token, deps)
  const retryInMs = retryAfterMs(failed.claim.tries + extraDoublings(failed), deps.retry, Math.random)
  const settled = await settleFailedAttempt(failed, { ...deps, retryLimits: deps.retry, retryInMs })
  if (settled.ended === 'lost') return null
  deps.onOutcome(settled.ended)
  if (settled.ended === 'parked') throw new UnrecoverableError(failed.message)
  return settled.ended === 'rejected' ? settled : delay(job, token, retryInMs)
}

/** The last attempt has to wait for that of another file. It waits on the queue, where it does not occupy a place of the lane. */
async function waitForInspector({ claim }: AttemptFailed, job: Job, token: string | undefined, deps: ProcessUploadDeps): Promise<null> {
  if ((await handBack(claim, deps)) === 'lost') return null
  deps.onOutcome('handed_back')
  return delay(job, token, retryAfterMs(1, inspectorBusyFor, Math.random))
}

/** A last attempt usually takes less than a minute. */
const inspectorBusyFor = { baseMs: 4000, capMs: 4000 } as const

/** @throws DelayedError always, which tells BullMQ that the job was moved */
async function delay(job: Job, token: string | undefined, inMs: number): Promise<never> {
  await withTimeout(job.moveToDelayed(Date.now() + inMs, token))
  throw new DelayedError()
}

/**
 * First the row, then the job, so that a worker that takes the job at once can claim the upload. Without Postgres the row's lease expires,
 * and the job waits for that; without Redis BullMQ's check for stalled jobs finds the job, or the sweeper enqueues it.
 *
 * @throws WaitingError, which tells BullMQ that the job was moved and did not fail
 */
async function handJobBack(error: unknown, job: Job, token: string | undefined, deps: ProcessUploadDeps): Promise<null> {
  const { log, onOutcome } = deps
  if (error instanceof AttemptFailed) {
    const ended = await handBack(error.claim, deps).catch((err: unknown) => {
      log.warn({ uploadId: error.claim.uploadId, err, step: 'hand back' }, 'upload not handed back, its lease will expire')
    })
    if (ended === 'lost') return null
    if (ended !== undefined) onOutcome(ended)
  }
  await withTimeout(job.moveToWait(token))
  throw new WaitingError()
}

/**
 * Spreads the attempts at a file that crashed its inspector: the machine may just have been overloaded.
 *
 * @returns additional doublings of the delay
 */
const extraDoublings = ({ cause }: AttemptFailed): number => (cause instanceof InspectionFailed ? 3 : 0)

/** A throttled project is retried soon, so that its next video starts when one ends; the claim lengthens the delay for projects with many videos. */
const throttledFor = { baseMs: 250, capMs: 1000 } as const

/** Short, but enough to queue after the jobs that wait now: the next one of the same user has waited as long. */
const throttledForMs = (random: () => number): number => 50 + Math.round(200 * random())

/** @param tries how often the job was started, from 1 */
const retryThrottledMs = (tries: number, random: () => number): number => retryAfterMs(Math.max(1, tries), throttledFor, random)
