import { PassThrough } from 'node:stream'
import { AirlockError } from '@airlock/domain'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/**
 * Limits the time for bodies that Fastify reads (JSON and text, at most 1 MiB), for any path and before authentication. Forms are read by their
 * route, under `BodyTimeouts`.
 */
export function boundSmallBodies(app: FastifyInstance, { seconds }: { seconds: number }): void {
  app.addHook('preParsing', async (request, _reply, payload) => {
    if (request.is404 || !isReadByFastify(request)) return payload
    const bounded = new PassThrough()
    bounded.on('error', () => {}) // there is no listener after an early response, and an unhandled error would end the process
    const timer = setTimeout(() => {
      payload.unpipe(bounded)
      bounded.destroy(new AirlockError('request_timeout', { seconds }))
    }, seconds * 1000)
    payload.once('error', (error) => bounded.destroy(error)) // the client disconnected
    payload.once('close', () => clearTimeout(timer))
    return payload.pipe(bounded)
  })
}

function isReadByFastify({ method, headers }: FastifyRequest): boolean {
  if (method === 'GET' || method === 'HEAD') return false
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
  return hasBody && !/^multipart\//i.test(headers['content-type'] ?? '')
}

/** How much of an unneeded body is still read after the response, so that the client can receive the response. */
interface Lingering {
  readonly maxBytes: number
  readonly maxMs: number
}

/** For authenticated users. Many clients read the response only after they have sent the whole body. */
const forUsers: Lingering = { maxBytes: 8 * 1024 * 1024, maxMs: 5000 }

/** For unauthenticated clients and those over a limit: a flood must not be read. About this much is in transit anyway. */
const forOthers: Lingering = { maxBytes: 64 * 1024, maxMs: 2000 }

/**
 * A response may be sent before the body has been read, for example if the token is missing or a form has eleven files. Closing at once would reset the connection,
 * and many clients would never see the reason. So a limited part of the rest is read and dropped. After that nothing more is read, and the
 * connection stays open for a limited time, in which the client can read the response; then it is closed.
 */
export function lingerOnUnreadBodies(app: FastifyInstance): void {
  app.addHook('onSend', async ({ raw }) => {
    // If nothing has started to read a body when its response ends, Node reads it to the end, without a limit (`_dump` in _http_incoming.js).
    if (!raw.complete && !raw.destroyed && raw.readableFlowing === null) raw.read()
  })
  app.addHook('onResponse', async ({ raw, caller }, reply) => {
    if (raw.complete || raw.destroyed) return
    const { maxBytes, maxMs } = caller === null || isRefusal(reply) ? forOthers : forUsers
    let dropped = 0
    const timer = setTimeout(() => raw.destroy(), maxMs)
    raw.on('data', (chunk: Buffer) => {
      dropped += chunk.byteLength
      if (dropped > maxBytes) raw.pause()
    })
    raw.on('close', () => clearTimeout(timer))
    raw.on('end', () => clearTimeout(timer))
    raw.resume()
  })
}

const isRefusal = ({ statusCode }: FastifyReply): boolean => statusCode === 401 || statusCode === 429
