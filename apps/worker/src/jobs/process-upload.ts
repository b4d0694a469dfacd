import { InspectionFailed } from '@airlock/domain'
import { AttemptFailed, type Outcome, type Patience, type ProcessDeps, processUpload, settleFailedAttempt } from '@airlock/lifecycle'
import { PayloadMalformed, parseProcessUpload } from '@airlock/queue'
import { DelayedError, type Job, UnrecoverableError } from 'bullmq'

/** How long and how soon a job comes again. The row decides, by its own attempts and times; what Redis counts dies with Redis. */
export interface RetryPolicy extends Patience {
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
  onOutcome(outcome: Outcome['ended'] | 'released' | 'parked'): void
}

/**
 * Runs a job: one accepted upload to its end. A bad file is final at its first attempt; broken servers are tried again, until the upload is
 * parked; a job whose upload another worker holds waits for the end of that lease.
 */
export async function handleProcessUpload(
  job: Job,
  token: string | undefined,
  signal: AbortSignal,
  deps: ProcessUploadDeps,
): Promise<void> {
  const { upload_id: uploadId } = payloadOf(job)
  try {
    const outcome = await processUpload(uploadId, signal, { ...deps, onProgress: (part) => job.updateProgress(part) })
    deps.onOutcome(outcome.ended)
    if (outcome.ended !== 'leased') return
    await job.moveToDelayed(Date.now() + outcome.retryInMs, token)
    throw new DelayedError()
  } catch (error) {
    if (!(error instanceof AttemptFailed)) throw error
    const retryInMs = retryAfterMs(error.claim.attempt + furtherApart(error), deps.retry, Math.random)
    const settled = await settleFailedAttempt(error, { ...deps, patience: deps.retry, retryInMs })
    if (settled === 'lost') return
    deps.onOutcome(settled)
    if (settled === 'parked') throw new UnrecoverableError(error.message)
    await job.moveToDelayed(Date.now() + retryInMs, token)
    throw new DelayedError()
  }
}

/**
 * A file that took its inspector down gets its tries on different occasions: the machine may just have been loaded.
 *
 * @returns how many doublings of the wait that is
 */
const furtherApart = ({ cause }: AttemptFailed): number => (cause instanceof InspectionFailed ? 3 : 0)

/** A payload that breaks its schema fails finally, with its reason, and never loops. */
function payloadOf(job: Job) {
  try {
    return parseProcessUpload(job.name, job.data)
  } catch (error) {
    if (error instanceof PayloadMalformed) throw new UnrecoverableError(error.message)
    throw error
  }
}
