import { ObjectChanged, ObjectMissing, StoreError, StoreFailure, StoreUnavailable } from '../store-errors.ts'

export interface CallFacts {
  /** The name of the S3 operation. */
  operation: string
  key: string | null
  timeoutMs: number
  /** Whether it was our own clock that ended the call. */
  timedOut: boolean
}

interface SdkError {
  name?: string
  code?: unknown
  message?: string
  $metadata?: { httpStatusCode?: number }
  $response?: { headers?: Record<string, string> }
}

/** Codes by which a store says "later", whatever the status. `NoSuchUpload`: an upload that somebody ended under our hands. */
const laterCodes = new Set([
  'InternalError',
  'NoSuchUpload',
  'OperationAborted',
  'ConditionalRequestConflict',
  'RequestTimeout',
  'ServiceUnavailable',
  'SlowDown',
  'Throttling',
  'ThrottlingException',
  'TimeoutError',
  'TooManyRequestsException',
])

/** What Node says when there is no store at the other end, or no longer. */
const networkCodes = new Set([
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ETIMEDOUT',
])

const missingKeyCodes = new Set(['NoSuchKey', 'NotFound'])

/**
 * Says in the store's errors what the SDK threw. Only an answer that means "no such key" becomes `ObjectMissing`.
 *
 * @param thrown whatever came out of a call
 */
export function asStoreError(thrown: unknown, facts: CallFacts): StoreError {
  if (thrown instanceof StoreError) return thrown
  const error = (thrown ?? {}) as SdkError
  const status = error.$metadata?.httpStatusCode ?? null
  const code = codeOf(error)
  const said = `${facts.operation}: ${code}${status === null ? '' : ` (${status})`}`

  if (facts.timedOut)
    return new StoreUnavailable(`${facts.operation}: no answer within ${facts.timeoutMs} ms`, facts.key, {
      cause: thrown,
      timedOut: true,
    })
  if (status === 412) return new ObjectChanged(said, facts.key, { cause: thrown })
  if (status === 404 && missingKeyCodes.has(code)) return new ObjectMissing(said, facts.key, { cause: thrown })
  if (isForLater(code, status)) return new StoreUnavailable(said, facts.key, { cause: thrown, retryAfterSeconds: retryAfterOf(error) })
  return new StoreFailure(`${said}: ${error.message ?? ''}`, facts.key, { cause: thrown, code, status })
}

const codeOf = ({ code, name }: SdkError): string => (typeof code === 'string' ? code : (name ?? 'unknown'))

function isForLater(code: string, status: number | null): boolean {
  if (laterCodes.has(code)) return true
  if (status === null) return networkCodes.has(code)
  return status === 429 || (status >= 500 && status !== 501 && status !== 505)
}

function retryAfterOf({ $response }: SdkError): number | undefined {
  const seconds = Number($response?.headers?.['retry-after'])
  return Number.isInteger(seconds) && seconds > 0 ? Math.min(seconds, 3600) : undefined
}
