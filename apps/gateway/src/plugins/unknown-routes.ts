import { AirlockError } from '@airlock/domain'
import type { FastifyInstance } from 'fastify'
import { sendError } from './errors.ts'

/**
 * Answers 404 for paths that nobody serves, 405 with `Allow` where only the method is wrong (RFC 9110, section 15.5.6), and OPTIONS with
 * what may be done there (section 9.3.7).
 */
export function answerUnknownRoutes(app: FastifyInstance): void {
  const routes: { pattern: RegExp; methods: string[] }[] = []
  app.addHook('onRoute', ({ url, method }) => {
    routes.push({ pattern: patternOf(url), methods: [method].flat() })
  })
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? ''
    const served = [...new Set(routes.filter(({ pattern }) => pattern.test(path)).flatMap(({ methods }) => methods))]
    if (served.length === 0) return sendError(new AirlockError('route_not_found', { method: request.method, path }), request, reply)
    reply.header('allow', [...served, 'OPTIONS'].join(', '))
    if (request.method === 'OPTIONS') return reply.code(204).send()
    sendError(new AirlockError('method_not_allowed', { method: request.method, path, allowed: served }), request, reply)
  })
}

/** `/api/jobs/:id` as a pattern; our routes have no other placeholders. */
const patternOf = (url: string): RegExp => new RegExp(`^${url.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:\w+/g, '[^/]+')}$`)
