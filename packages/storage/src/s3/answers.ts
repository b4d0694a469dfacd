import { ObjectChanged, ObjectMissing, StoreError, StoreFailure, StoreUnavailable } from '../store-errors.ts'

export interface CallFacts {
  /** The name of the S3 operation. */
  operation: string
  key: string | null
  timeoutMs: number
  /** Whether our own timeout ended the call. */
  timedOut: boolean
}

interface SdkError {
  name?: string
  code?: unknown
  message?: string
  $metadata?: { httpStatusCode?: number }
  $response?: { headers?: Record<string, string> }
}

/** Codes for temporary failures, whatever the status. `NoSuchUpload`: another process aborted the multipart upload. */
const temporaryCodes = new Set([
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

/** Node's codes for an unreachable store or a lost connection. */
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
 * Converts an error of the SDK to one of the store's errors. Only an answer that means "no such key" becomes `ObjectMissing`.
 *
 * @param thrown the error of a call
 */
export function asStoreError(thrown: unknown, facts: CallFacts): StoreError {
  if (thrown instanceof StoreError) return thrown
  const error = (thrown ?? {}) as SdkError
  const status = error.$metadata?.httpStatusCode ?? null
  const code = codeOf(error)
  const summary = `${facts.operation}: ${code}${status === null ? '' : ` (${status})`}`

  if (facts.timedOut)
    return new StoreUnavailable(`${facts.operation}: no answer within ${facts.timeoutMs} ms`, facts.key, {
      cause: thrown,
      timedOut: true,
    })
  if (status === 412) return new ObjectChanged(summary, facts.key, { cause: thrown })
  if (status === 404 && missingKeyCodes.has(code)) return new ObjectMissing(summary, facts.key, { cause: thrown })
  if (isTemporary(code, status)) return new StoreUnavailable(summary, facts.key, { cause: thrown, retryAfterSeconds: retryAfterOf(error) })
  return new StoreFailure(`${summary}: ${error.message ?? ''}`, facts.key, { cause: thrown, code, status })
}

const codeOf = ({ code, name }: SdkError): string => (typeof code === 'string' ? code : (name ?? 'unknown'))

function isTemporary(code: string, status: number | null): boolean {
  if (temporaryCodes.has(code)) return true
  if (status === null) return networkCodes.has(code)
  return status === 429 || (status >= 500 && status !== 501 && status !== 505)
}

function retryAfterOf({ $response }: SdkError): number | undefined {
  const seconds = Number($response?.headers?.['retry-after'])
  return Number.isInteger(seconds) && seconds > 0 ? Math.min(seconds, 3600) : undefined
}
