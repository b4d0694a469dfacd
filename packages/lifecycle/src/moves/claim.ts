import { renewLease } from '@airlock/async'
import type { Claim, UploadRepository } from '@airlock/database'
import type { Log } from '@airlock/domain'

/** Another attempt owns the upload. This one must have no further visible effect. */
export class LeaseLost extends Error {
  override name = 'LeaseLost'
}

export interface LeaseOptions {
  leaseSeconds: number
  uploads: Pick<UploadRepository, 'renewLease'>
  log: Log
  /** Cancels the work, for example because Redis gave its job to another worker. */
  signal: AbortSignal
}

/**
 * Runs the work on a claimed upload and renews its lease after each third of its duration. When the lease is lost, the signal aborts with
 * `LeaseLost`; the work may still run for a moment, so its writes are fenced by the claim's `attempt`.
 *
 * If a renewal fails because Postgres is unavailable, the next one retries: the lease outlives two failures.
 */
export async function withLease<T>(
  claim: Claim,
  work: (signal: AbortSignal) => Promise<T>,
  { leaseSeconds, uploads, log, signal }: LeaseOptions,
): Promise<T> {
  const lost = new AbortController()
  const renew = async () => {
    if (!(await uploads.renewLease(claim, leaseSeconds)))
      lost.abort(new LeaseLost(`attempt ${claim.attempt} no longer owns upload ${claim.uploadId}`))
  }
  const onFailure = (err: unknown) => log.warn({ uploadId: claim.uploadId, attempt: claim.attempt, err }, 'lease not renewed')
  const stopRenewing = renewLease({ leaseMs: leaseSeconds * 1000, renew, onFailure })
  try {
    return await work(AbortSignal.any([lost.signal, signal]))
  } finally {
    stopRenewing()
  }
}

/** The log fields of all that happens to a claimed upload. */
export const aboutClaim = ({ uploadId, userId, requestId, filename, attempt }: Claim): object => ({
  uploadId,
  userId,
  requestId,
  filename,
  attempt,
})
