import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import { AirlockError } from '@airlock/domain'
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify'
import { bodyOf, sendError } from './errors.ts'
import { securityHeaders } from './security-headers.ts'

/** Errors of Node's parser that occur before there is a request (https://nodejs.org/api/http.html#event-clienterror). */
const errorOf = (code: string | undefined): AirlockError => {
  if (code === 'HPE_HEADER_OVERFLOW') return new AirlockError('headers_too_large', {})
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new AirlockError('headers_too_slow', {})
  return new AirlockError('request_malformed', { reason: 'it is not an HTTP/1.1 request' })
}

const titles: Record<number, string> = { 400: 'Bad Request', 408: 'Request Timeout', 431: 'Request Header Fields Too Large' }

/** Headers that hooks would add; none has run. */
const headersOf = (requestId: string) => ({
  'x-request-id': requestId,
  ...securityHeaders,
  'cache-control': 'no-store',
})

/** Answers bytes that are not an HTTP request with a regular error body, and closes the connection. */
export function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket, log: FastifyBaseLogger): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const known = errorOf(error.code)
  const id = randomUUID()
  log.info({ requestId: id, code: known.code, reason: error.code }, 'malformed HTTP request')
  const body = JSON.stringify(bodyOf(known, id))
  const head = [
    `HTTP/1.1 ${known.status} ${titles[known.status]}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    ...Object.entries(headersOf(id)).map(([name, value]) => `${name}: ${value}`),
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
  socket.destroySoon()
}

/** Answers a path that cannot be decoded, such as one with `%zz`: it matches no route, so no hook runs. */
export function answerBrokenPath(error: NodeJS.ErrnoException, request: FastifyRequest, reply: FastifyReply): void {
  request.log.info({ code: 'request_malformed', reason: error.code }, 'malformed HTTP request')
  reply.headers(headersOf(request.id))
  sendError(new AirlockError('request_malformed', { reason: 'its path cannot be decoded' }), request, reply)
}
