import type { S3ClientConfig } from '@aws-sdk/client-s3'

/** The maximum waits before the retries of one call, in ms; jitter shortens each one by at most half. */
const waitsMs = [200, 400, 800] as const

type Strategy = Exclude<NonNullable<S3ClientConfig['retryStrategy']>, { retry: unknown }>
type Token = Awaited<ReturnType<Strategy['acquireInitialRetryToken']>>

/**
 * Three retries of temporary failures, with growing waits of 1.4 s in total, so that a request is answered within 4 s.
 *
 * The SDK's own strategy waits up to 7 s when the store is throttling, and 5 s more for each `Retry-After`; here the caller gets the error and
 * decides when to retry.
 */
export const boundedRetries: Strategy = {
  acquireInitialRetryToken: async () => tokenOf(0, 0),
  refreshRetryTokenForRetry: async (token, { errorType }) => {
    const waitMs = waitsMs[token.getRetryCount()]
    if (waitMs === undefined || !(errorType === 'THROTTLING' || errorType === 'TRANSIENT')) throw new Error('not retryable')
    return tokenOf(token.getRetryCount() + 1, waitMs * (0.5 + Math.random() / 2))
  },
  recordSuccess: () => {},
}

const tokenOf = (count: number, delayMs: number): Token => ({ getRetryCount: () => count, getRetryDelay: () => delayMs })

/** The maximum of attempts of one call. */
export const maxAttempts = 1 + waitsMs.length
