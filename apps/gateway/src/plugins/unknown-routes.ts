import { AirlockError } from '@airlock/domain'
import type { FastifyInstance } from 'fastify'
import { sendError } from './errors.ts'

/** Answers 404 for paths that nobody serves, and 405 with `Allow` where only the method is wrong (RFC 9110, section 15.5.6). */
export function answerUnknownRoutes(app: FastifyInstance): void {
  const routes: { pattern: RegExp; methods: string[] }[] = []
  app.addHook('onRoute', ({ url, method }) => {
    routes.push({ pattern: patternOf(url), methods: [method].flat() })
  })
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? ''
    const allowed = [...new Set(routes.filter(({ pattern }) => pattern.test(path)).flatMap(({ methods }) => methods))]
    if (allowed.length === 0) return sendError(new AirlockError('route_not_found', { method: request.method, path }), request, reply)
    reply.header('allow', allowed.join(', '))
    sendError(new AirlockError('method_not_allowed', { method: request.method, path, allowed }), request, reply)
  })
}

/** `/api/jobs/:id` as a pattern; our routes have no other placeholders. */
const patternOf = (url: string): RegExp => new RegExp(`^${url.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:\w+/g, '[^/]+')}$`)
