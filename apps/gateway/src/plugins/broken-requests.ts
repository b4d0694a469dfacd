import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import { AirlockError } from '@airlock/domain'
import type { FastifyBaseLogger } from 'fastify'
import { bodyOf } from './errors.ts'

/** What Node's parser gives up on before there is a request (https://nodejs.org/api/http.html#event-clienterror). */
const errorOf = (code: string | undefined): AirlockError => {
  if (code === 'HPE_HEADER_OVERFLOW') return new AirlockError('headers_too_large', {})
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new AirlockError('headers_too_slow', {})
  return new AirlockError('request_malformed', { reason: 'it is no HTTP/1.1 request' })
}

const titles: Record<number, string> = { 400: 'Bad Request', 408: 'Request Timeout', 431: 'Request Header Fields Too Large' }

/** Answers what is no HTTP request in the shape of every other error, and closes the connection. */
export function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket, log: FastifyBaseLogger): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const known = errorOf(error.code)
  const id = randomUUID()
  log.info({ requestId: id, code: known.code, reason: error.code }, 'no HTTP request')
  const body = JSON.stringify(bodyOf(known, id))
  const head = [
    `HTTP/1.1 ${known.status} ${titles[known.status]}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${id}`,
    'x-content-type-options: nosniff',
    "content-security-policy: default-src 'none'",
    'cache-control: no-store',
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
  socket.destroySoon()
}
