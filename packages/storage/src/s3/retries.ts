import type { S3ClientConfig } from '@aws-sdk/client-s3'

/** The longest waits before the retries of one call, in ms; at least half of each is waited. */
const waitsMs = [200, 400, 800] as const

type Strategy = Exclude<NonNullable<S3ClientConfig['retryStrategy']>, { retry: unknown }>
type Token = Awaited<ReturnType<Strategy['acquireInitialRetryToken']>>

/**
 * Three retries of what may go better, with growing distance: 1.4 s in all, so that a request is answered in its 4 s.
 *
 * The SDK's own strategy waits up to 7 s when the store asks for patience, and 5 s more for each `Retry-After`; that is for the caller to
 * wait, who is told.
 */
export const boundedRetries: Strategy = {
  acquireInitialRetryToken: async () => tokenOf(0, 0),
  refreshRetryTokenForRetry: async (token, { errorType }) => {
    const waitMs = waitsMs[token.getRetryCount()]
    if (waitMs === undefined || !(errorType === 'THROTTLING' || errorType === 'TRANSIENT')) throw new Error('not to be tried again')
    return tokenOf(token.getRetryCount() + 1, waitMs * (0.5 + Math.random() / 2))
  },
  recordSuccess: () => {},
}

const tokenOf = (count: number, delayMs: number): Token => ({ getRetryCount: () => count, getRetryDelay: () => delayMs })

/** What a call asks the store at most. */
export const maxAttempts = 1 + waitsMs.length
