import { DatabaseUnavailable, IdempotencyLeaseLost, UploadNotReceiving } from '@airlock/database'
import { AirlockError } from '@airlock/domain'
import { StoreError } from '@airlock/storage'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** `Retry-After` of 503 and 429 responses that set none, in seconds. */
const retryAfterSeconds = 5

/** The first request with this Idempotency-Key is still in progress. */
export class RequestInFlight extends AirlockError<'request_in_flight'> {
  readonly retryAfterSeconds: number

  constructor(retryAfterSeconds: number, options?: ErrorOptions) {
    super('request_in_flight', {}, options)
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/**
 * The only place that turns an error into a response: the client gets the catalogue's text, everything else is logged.
 *
 * @param send writes the body; some routes speak another language than JSON
 */
export function answerErrors(app: FastifyInstance, send: typeof sendError = sendError): void {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const known = asAirlockError(error)
    if (known.status >= 500 && !isExpected(known)) request.log.error({ err: error, code: known.code }, 'request failed')
    const retryAfter = 'retryAfterSeconds' in known ? known.retryAfterSeconds : null
    if (typeof retryAfter === 'number') reply.header('retry-after', retryAfter)
    send(known, request, reply)
  })
}

/** Server errors by which a client learns that nothing has failed, but that it must ask again. */
const isExpected = ({ code }: AirlockError): boolean => code === 'inspection_pending'

/** The body of every error response. */
export const bodyOf = ({ title, detail, code }: AirlockError, requestId: string) => ({ error: title, detail, code, request_id: requestId })

export function sendError(error: AirlockError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  errorHeaders(error, reply)
  return reply.code(error.status).type('application/json; charset=utf-8').serializer(JSON.stringify).send(bodyOf(error, request.id))
}

/** Sets what HTTP requires of a response with such a status, whatever its body. */
export function errorHeaders(error: AirlockError, reply: FastifyReply): void {
  if ((error.status === 503 || error.status === 429) && !reply.hasHeader('retry-after')) reply.header('retry-after', retryAfterSeconds)
  if (error.status === 401) reply.header('www-authenticate', 'Bearer')
  if (error.code === 'encoding_not_supported') reply.header('accept-encoding', 'identity')
}

/** Maps an error to one of the catalogue. Unexpected errors become `internal_error`. */
export function asAirlockError(error: unknown): AirlockError {
  if (error instanceof AirlockError) return error
  // also if the store rejects our credentials or bucket: the client made no mistake and may retry once that is fixed
  if (error instanceof StoreError) return new AirlockError('storage_unavailable', {}, { cause: error })
  if (error instanceof DatabaseUnavailable) return new AirlockError('database_unavailable', {}, { cause: error })
  if (error instanceof UploadNotReceiving) return new AirlockError('upload_interrupted', { filename: '' }, { cause: error })
  if (error instanceof IdempotencyLeaseLost) return new RequestInFlight(1, { cause: error })
  const { code, statusCode, validation, message } = error as Partial<FastifyError>
  if (validation !== undefined) return new AirlockError('request_malformed', { reason: String(message) })
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return new AirlockError('not_json', {})
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return new AirlockError('request_malformed', { reason: String(message) })
  return new AirlockError('internal_error', {}, { cause: error })
}

/** `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers) for the hourly file limit. */
export function limitHeaders(reply: FastifyReply, retryAfterSeconds: number, filesPerHour: number): void {
  reply.header('retry-after', retryAfterSeconds)
  reply.header('ratelimit-policy', `"files-per-hour";q=${filesPerHour};w=3600`)
  reply.header('ratelimit', `"files-per-hour";r=0;t=${retryAfterSeconds}`)
}
