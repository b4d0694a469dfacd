import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'

/** The caller's request id if it is valid (letters, digits, `-`, `_`, `.`), else a new one. */
export function requestId({ headers }: IncomingMessage): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID()
}

/** Logs one line per request after its response, with the route but without the query, so that URLs and tokens are not logged. */
export function logRequests(app: FastifyInstance, fieldsOf: (request: FastifyRequest) => object): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id)
  })
  app.addHook('onResponse', async (request, reply) => {
    const { method, routeOptions, caller } = request
    const line = {
      ...fieldsOf(request),
      method,
      route: routeOptions.url ?? 'unknown',
      status: reply.statusCode,
      userId: caller?.id,
      ms: Math.round(reply.elapsedTime),
    }
    if (isRoutine(routeOptions.url)) request.log.debug(line, 'request answered')
    else request.log.info(line, 'request answered')
  })
}

/** Requests of load balancers and of Prometheus, which come every few seconds. */
const isRoutine = (url: string | undefined): boolean => url !== undefined && /^\/(api\/)?health\b|^\/metrics$/.test(url)
