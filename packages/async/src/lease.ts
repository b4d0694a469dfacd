export interface LeaseRenewal {
  /** How long the lease lasts without renewal. */
  readonly leaseMs: number
  renew(): Promise<unknown>
  /** Called when `renew` fails. The next renewal retries: a lease outlives two failures. */
  onFailure(error: unknown): void
}

/**
 * Renews a lease after each third of its duration. It does not keep the process alive.
 *
 * @returns a function that ends the renewals
 * @example
 * const stop = renewLease({ leaseMs: 30_000, renew: () => leases.renew(token), onFailure: (err) => log.warn({ err }, 'lease not renewed') })
 * try { await work() } finally { stop() }
 */
export function renewLease({ leaseMs, renew, onFailure }: LeaseRenewal): () => void {
  const timer = setInterval(() => void renew().catch(onFailure), leaseMs / 3).unref()
  return () => clearInterval(timer)
}
