import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'

/** The caller's own id of the request where it is one (letters, digits, `-`, `_`, `.`), else one of ours. */
export function requestId({ headers }: IncomingMessage): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID()
}

/** One line for each request, when its answer is out. The path without its query: presigned URLs and tokens stay out of the log. */
export function logRequests(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id)
  })
  app.addHook('onResponse', async (request, reply) => {
    const { method, routeOptions, caller } = request
    const line = {
      method,
      route: routeOptions.url ?? 'unknown',
      status: reply.statusCode,
      userId: caller?.id,
      ms: Math.round(reply.elapsedTime),
    }
    if (routeOptions.url?.startsWith('/api/health') || routeOptions.url?.startsWith('/health')) request.log.debug(line, 'request answered')
    else request.log.info(line, 'request answered')
  })
}
