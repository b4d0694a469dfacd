import type { ErrorCode } from './api.ts'

/** Codes of errors that no response of Airlock has. */
export type ClientErrorCode =
  /** The signal of the caller fired. */
  | 'aborted'
  /** There was no response: no connection, or it broke. */
  | 'network_error'
  /** Something other than Airlock has answered, such as a proxy with a page. */
  | 'unexpected_response'
  /** The function that returns the token failed. */
  | 'token_unavailable'
  /** The file could not be read, or has changed while it was sent. */
  | 'file_unreadable'
  /** The signature of a webhook is missing, wrong or too old. */
  | 'signature_invalid'

export interface ErrorFields {
  /** Stable, for use by programs. Later versions of Airlock may add codes. */
  readonly code: ErrorCode | ClientErrorCode | (string & {})
  /** A sentence for people, which names the file and the limit. */
  readonly detail: string
  /** The HTTP status; undefined if the reason is not an error response: an ended job, or no response. */
  readonly status?: number | undefined
  /** Identifies the request in Airlock's logs. */
  readonly requestId?: string | undefined
  /** How long to wait before a repetition, if the response states it. */
  readonly retryAfterMs?: number | undefined
  /** The job of an upload that had been accepted when the error occurred: `jobs.follow` can continue. */
  readonly jobId?: string | undefined
  readonly cause?: unknown
}

/** The only error that this package throws for a request. */
export class AirlockError extends Error implements ErrorFields {
  override readonly name = 'AirlockError'
  readonly code: ErrorFields['code']
  readonly detail: string
  readonly status: number | undefined
  readonly requestId: string | undefined
  readonly retryAfterMs: number | undefined
  jobId: string | undefined

  constructor({ code, detail, status, requestId, retryAfterMs, jobId, cause }: ErrorFields) {
    super(detail, { cause })
    this.code = code
    this.detail = detail
    this.status = status
    this.requestId = requestId
    this.retryAfterMs = retryAfterMs
    this.jobId = jobId
  }
}

/** Why a job or a file of a form has not become an asset. */
export const refused = ({ code, detail }: Pick<ErrorFields, 'code' | 'detail'>, more: Partial<ErrorFields> = {}): AirlockError =>
  new AirlockError({ ...more, code, detail })

/** A response without what was requested. */
export const incomplete = { code: 'unexpected_response', detail: 'The response is incomplete.' }

export const aborted = (signal: AbortSignal): AirlockError =>
  new AirlockError({ code: 'aborted', detail: 'The caller has aborted it.', cause: signal.reason })

/** @returns the error with the job to which it belongs */
export function withJob(error: unknown, jobId: string): unknown {
  if (error instanceof AirlockError) error.jobId ??= jobId
  return error
}

/** Whether the same request may succeed later: no response, an overloaded or unavailable server, a page of a proxy. */
export function isTransient({ code, status = 0 }: AirlockError): boolean {
  if (code === 'network_error' || code === 'token_unavailable' || code === 'request_in_flight') return true
  return status === 408 || status === 425 || status === 429 || status >= 500 || (code === 'unexpected_response' && status < 300)
}
