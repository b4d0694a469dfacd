import { AirlockError } from '@airlock/client'
import { printable } from './text.ts'

/** The command can't be executed as it was given; the message says how it could. */
export class Misuse extends Error {
  override readonly name = 'Misuse'
}

export interface Failure {
  readonly code: string
  /** One sentence or more, printable. */
  readonly detail: string
}

/** Sentences for the codes whose own detail doesn't know the command line. */
const tokenHint = "Get a new token, store it with 'airlock login', and run the same command again."

/** What a person is told of an error, which may be any. */
export function failureOf(error: unknown, url: string): Failure {
  if (!(error instanceof AirlockError)) return { code: 'failed', detail: printable(error instanceof Error ? error.message : String(error)) }
  const { code, detail, status, requestId, retryAfterMs } = error
  const isOfServer = code === 'unexpected_response' || (status !== undefined && status >= 500)
  const more = [
    ...(status === 401 ? [tokenHint] : []),
    ...(retryAfterMs !== undefined && retryAfterMs >= 1000 ? [`Try again in ${waitText(retryAfterMs)}.`] : []),
    ...(isOfServer && requestId !== undefined ? [`(request ${requestId})`] : []),
  ]
  const said = code === 'network_error' ? noResponse(error, url) : detail
  return { code: printable(code), detail: printable([said, ...more].join(' ')) }
}

const waitText = (ms: number): string => {
  const minutes = Math.ceil(ms / 60_000)
  return minutes > 1 ? `${minutes} minutes` : `${Math.ceil(ms / 1000)} seconds`
}

const reasons: Record<string, string> = {
  ECONNREFUSED: 'the connection was refused',
  ENOTFOUND: 'the name of the server is unknown',
  EAI_AGAIN: 'the name of the server can not be looked up now',
  ECONNRESET: 'the connection was closed',
  UND_ERR_SOCKET: 'the connection was closed',
  EHOSTUNREACH: 'there is no way to the server',
  ENETUNREACH: 'there is no network',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is self-signed',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate can not be verified',
}

function noResponse({ cause }: AirlockError, url: string): string {
  for (let error = cause as { code?: string; cause?: unknown } | undefined; error != null; error = error.cause as typeof error) {
    const reason = reasons[error.code ?? '']
    if (reason !== undefined) return `${url} does not respond: ${reason}.`
  }
  return `${url} does not respond.`
}

/**
 * Whether every other file would fail for the same reason: the token is not accepted, the server is unavailable, the hourly limit is reached. The client has
 * repeated such requests for a while already.
 */
export function concernsAll(error: unknown): boolean {
  if (!(error instanceof AirlockError)) return false
  const { code, status = 0 } = error
  const all = [
    'network_error',
    'unexpected_response',
    'token_unavailable',
    'file_limit_reached',
    'too_many_requests',
    'unknown_user',
    'scope_missing',
  ]
  return all.includes(code) || status === 401 || status >= 500
}

/** Whether a later attempt may succeed with the same file: the upload can be continued. */
export const mayPass = (error: unknown): boolean =>
  concernsAll(error) || (error instanceof AirlockError && (error.status === 429 || error.status === 408))
