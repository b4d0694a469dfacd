import { AirlockError } from '@airlock/domain'
import type { FastifyInstance, FastifyRequest } from 'fastify'

/** Requests of monitoring and browsers may have additional parameters, for example to bypass caches. */
const unchecked = /^\/(?:health\/|metrics$|api\/health$|api\/docs|api\/openapi\.json$)/

/**
 * Refuses what would otherwise be ignored, with an error that names it: unknown query parameters, unknown expectations, and requests without
 * `Host`. Node would answer the last two itself, without a body. Must be called after the request limit.
 */
export function refuseUnknown(app: FastifyInstance): void {
  const fixedPaths = new Set<string>()
  app.addHook('onRoute', ({ url }) => {
    if (!url.includes(':')) fixedPaths.add(url)
  })
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response))
  app.addHook('onRequest', async ({ raw, params, url, routeOptions }, reply) => {
    const { expect, host } = raw.headers
    // RFC 9112, section 3.2
    if (host === undefined && raw.httpVersion === '1.1') throw new AirlockError('request_malformed', { reason: 'it has no Host header' })
    if (expect !== undefined && expect.toLowerCase() !== '100-continue')
      throw new AirlockError('expectation_failed', { expectation: expect })
    // `/api/assets/` must not match `/api/assets/:id`
    if (Object.values(params as object).includes('')) return reply.callNotFound()
    // DELETE of `/api/uploads/sign` must not match `/api/uploads/:id`
    const path = url.split('?', 1)[0] ?? ''
    if (routeOptions.url !== undefined && routeOptions.url !== path && fixedPaths.has(path)) return reply.callNotFound()
  })
  app.addHook('preValidation', async (request) => assertKnownQuery(request))
}

/** Refuses compressed bodies, which no route decompresses, before reading them. Must be called before other hooks that take the body. */
export function refuseEncodedBodies(app: FastifyInstance): void {
  app.addHook('preParsing', async (request, _reply, payload) => {
    const encoding = request.headers['content-encoding'] ?? 'identity'
    const hasBody = request.method !== 'GET' && request.method !== 'HEAD'
    if (hasBody && !/^(?:identity)?$/i.test(encoding.trim())) throw new AirlockError('encoding_not_supported', { encoding })
    return payload
  })
}

/** @throws AirlockError `query_unknown`, which names the parameter but not its value, which may be a secret */
function assertKnownQuery({ routeOptions, query }: FastifyRequest): void {
  if (routeOptions.url === undefined || unchecked.test(routeOptions.url)) return
  const { properties = {} } = (routeOptions.schema?.querystring ?? {}) as { properties?: object }
  const allowed = Object.keys(properties)
  const parameter = Object.keys(query as object).find((name) => !allowed.includes(name))
  if (parameter !== undefined) throw new AirlockError('query_unknown', { parameter, allowed })
}
