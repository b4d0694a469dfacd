import { PassThrough } from 'node:stream'
import { AirlockError } from '@airlock/domain'
import type { FastifyInstance, FastifyRequest } from 'fastify'

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
