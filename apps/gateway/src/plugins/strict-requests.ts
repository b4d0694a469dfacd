import { AirlockError } from '@airlock/domain'
import type { FastifyInstance, FastifyRequest } from 'fastify'

/** What monitors and browsers ask may carry parameters of their own, against caches for example. */
const unchecked = /^\/(?:health\/|metrics$|api\/health$|api\/docs|api\/openapi\.json$)/

/**
 * Refuses what would otherwise be passed over, with an error that names it: query parameters that a route does not have, expectations that we
 * do not know, and requests without `Host`. Node would answer the last two itself, without a body. To be called after the request limit.
 */
export function refuseUnknown(app: FastifyInstance): void {
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response))
  app.addHook('onRequest', async ({ raw, params }, reply) => {
    const { expect, host } = raw.headers
    // RFC 9112, section 3.2
    if (host === undefined && raw.httpVersion === '1.1') throw new AirlockError('request_malformed', { reason: 'it has no header Host' })
    if (expect !== undefined && expect.toLowerCase() !== '100-continue')
      throw new AirlockError('expectation_failed', { expectation: expect })
    // `/api/assets/` is no asset without a name
    if (Object.values(params as object).includes('')) return reply.callNotFound()
  })
  app.addHook('preValidation', async (request) => assertKnownQuery(request))
}

/** Refuses compressed bodies, which no route unpacks, before anything is read of them. To be called before other hooks take the body. */
export function refuseEncodedBodies(app: FastifyInstance): void {
  app.addHook('preParsing', async (request, _reply, payload) => {
    const encoding = request.headers['content-encoding'] ?? 'identity'
    const hasBody = request.method !== 'GET' && request.method !== 'HEAD'
    if (hasBody && !/^(?:identity)?$/i.test(encoding.trim())) throw new AirlockError('encoding_not_supported', { encoding })
    return payload
  })
}

/** @throws AirlockError `query_unknown`, which names the parameter and never its value: that may be a secret */
function assertKnownQuery({ routeOptions, query }: FastifyRequest): void {
  if (routeOptions.url === undefined || unchecked.test(routeOptions.url)) return
  const { properties = {} } = (routeOptions.schema?.querystring ?? {}) as { properties?: object }
  const allowed = Object.keys(properties)
  const parameter = Object.keys(query as object).find((name) => !allowed.includes(name))
  if (parameter !== undefined) throw new AirlockError('query_unknown', { parameter, allowed })
}
