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

/** How long and how soon a job comes again. The row decides, by its own attempts and times; what Redis counts dies with Redis. */
export interface RetryPolicy extends RetryLimits {
  baseMs: number
  capMs: number
}

/**
 * The wait before another try: doubling, capped, and anywhere in its upper half, so that a crowd of jobs comes back spread out.
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
  /** The pipeline's videos of one project that may run at once, over all workers; 0: no bound. */
  maxRunningPerProject: number
  /** Shares the lane between users. */
  concurrency: Pick<UserConcurrency, 'admit'>
  /** Fires when the worker takes no more jobs. */
  notTaking: AbortSignal
  /** Fires when the worker stops and waits for its jobs no longer. */
  stopping: AbortSignal
  onOutcome(outcome: Outcome['ended'] | 'released' | 'parked' | 'handed_back' | 'throttled'): void
}

/** What an upload came to. */
export type UploadEnded = Extract<Outcome, { ended: 'completed' | 'rejected' }>

/**
 * Runs a job: one accepted upload to its end. A bad file is final at its first attempt; broken servers are tried again, until the upload is
 * parked; a job whose upload another worker holds waits for the end of that lease, and one whose user or project has enough running waits a little;
 * what a worker that stops does not get done with, it hands back.
 *
 * @param signal fires when Redis gave the job to somebody else
 * @returns the end that this run brought the upload to; null when it brought it to none
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
    stopping.throwIfAborted() // taken from the queue in the last moment
    const admission = await deps.concurrency.admit(uploadId, AbortSignal.any([signal, stopping, notTaking]))
    if (!admission.go) {
      deps.onOutcome('throttled')
      return await comeAgain(job, token, throttledForMs(Math.random))
    }
    release = admission.release
    const onProgress = (part: number) => withTimeout(job.updateProgress(part))
    outcome = await processUpload(uploadId, AbortSignal.any([signal, stopping]), { ...deps, projectConcurrency, onProgress })
  } catch (error) {
    if (error instanceof DelayedError) throw error
    if (stopping.aborted) return giveBack(error, job, token, deps)
    if (!(error instanceof AttemptFailed)) throw error
    return settle(error, job, token, deps)
  } finally {
    release()
  }
  deps.onOutcome(outcome.ended)
  if (outcome.ended === 'leased' || outcome.ended === 'throttled') return comeAgain(job, token, outcome.retryInMs)
  return outcome.ended === 'nothing' ? null : outcome
}

async function settle(failed: AttemptFailed, job: Job, token: string | undefined, deps: ProcessUploadDeps): Promise<UploadEnded | null> {
  if (failed.cause instanceof InspectorBusy) return waitForInspector(failed, job, token, deps)
  const retryInMs = retryAfterMs(failed.claim.tries + furtherApart(failed), deps.retry, Math.random)
  const settled = await settleFailedAttempt(failed, { ...deps, retryLimits: deps.retry, retryInMs })
  if (settled.ended === 'lost') return null
  deps.onOutcome(settled.ended)
  if (settled.ended === 'parked') throw new UnrecoverableError(failed.message)
  return settled.ended === 'rejected' ? settled : comeAgain(job, token, retryInMs)
}

/** Its last attempt has to wait for that of another file. It waits on the queue, where it keeps no place of the lane. */
async function waitForInspector({ claim }: AttemptFailed, job: Job, token: string | undefined, deps: ProcessUploadDeps): Promise<null> {
  if ((await handBack(claim, deps)) === 'lost') return null
  deps.onOutcome('handed_back')
  return comeAgain(job, token, retryAfterMs(1, inspectorBusyFor, Math.random))
}

/** A last attempt takes a minute at most in most cases. */
const inspectorBusyFor = { baseMs: 4000, capMs: 4000 } as const

/** @throws DelayedError always: so the queue knows that the job was moved */
async function comeAgain(job: Job, token: string | undefined, inMs: number): Promise<never> {
  await withTimeout(job.moveToDelayed(Date.now() + inMs, token))
  throw new DelayedError()
}

/**
 * First the row, then the job: whoever takes the job at once finds an upload that can be claimed. Without Postgres the row's lease runs out,
 * and the job waits for that; without Redis the queue's own check finds the job, or the sweeper rings.
 *
 * @throws WaitingError so that the queue knows that the job was moved; it counts as no failure
 */
async function giveBack(error: unknown, job: Job, token: string | undefined, deps: ProcessUploadDeps): Promise<null> {
  const { log, onOutcome } = deps
  if (error instanceof AttemptFailed) {
    const ended = await handBack(error.claim, deps).catch((err: unknown) => {
      log.warn({ uploadId: error.claim.uploadId, err, step: 'hand back' }, 'upload not handed back, its lease will run out')
    })
    if (ended === 'lost') return null
    if (ended !== undefined) onOutcome(ended)
  }
  await withTimeout(job.moveToWait(token))
  throw new WaitingError()
}

/**
 * A file that took its inspector down gets its tries on different occasions: the machine may just have been loaded.
 *
 * @returns how many doublings of the wait that is
 */
const furtherApart = ({ cause }: AttemptFailed): number => (cause instanceof InspectionFailed ? 3 : 0)

/** A project that is busy is asked again soon, so that its next video begins when one ends; of a flood each asks less often, as the claim says. */
const throttledFor = { baseMs: 250, capMs: 1000 } as const

/** Behind the jobs that wait now: the next of the same user has waited as long. */
const throttledForMs = (random: () => number): number => 50 + Math.round(200 * random())

/** @param tries how often the job has begun, from 1 */
const retryThrottledMs = (tries: number, random: () => number): number => retryAfterMs(Math.max(1, tries), throttledFor, random)
