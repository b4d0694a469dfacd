import type { Claim, UploadRepository } from '@airlock/database'
import type { Log } from './log.ts'

/** Another attempt owns the upload now: whatever this one still does must not be seen. */
export class LeaseLost extends Error {
  override name = 'LeaseLost'
}

export interface LeaseOptions {
  leaseSeconds: number
  uploads: Pick<UploadRepository, 'renewLease'>
  log: Log
  /** The job's own cancellation, for example because Redis gave the job to another worker. */
  signal?: AbortSignal | undefined
}

/**
 * Works on a claimed upload and renews its lease all the while, a third of its time apart. When the lease is lost the signal
 * fires with `LeaseLost`; the work may still be running then, so each of its writes carries the claim's `attempt`.
 *
 * A renewal that fails because Postgres is away is tried again next time: the lease outlives two of them.
 */
export async function withLease<T>(
  claim: Claim,
  work: (signal: AbortSignal) => Promise<T>,
  { leaseSeconds, uploads, log, signal }: LeaseOptions,
): Promise<T> {
  const lost = new AbortController()
  const renewal = setInterval(
    () => {
      uploads.renewLease(claim, leaseSeconds).then(
        (renewed) => {
          if (!renewed) lost.abort(new LeaseLost(`attempt ${claim.attempt} no longer owns upload ${claim.uploadId}`))
        },
        (err: unknown) => log.warn({ uploadId: claim.uploadId, attempt: claim.attempt, err }, 'lease not renewed'),
      )
    },
    (leaseSeconds * 1000) / 3,
  )
  try {
    return await work(signal === undefined ? lost.signal : AbortSignal.any([lost.signal, signal]))
  } finally {
    clearInterval(renewal)
  }
}
