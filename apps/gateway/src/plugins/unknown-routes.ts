import { AirlockError } from '@airlock/domain'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { sendError } from './errors.ts'

/**
 * Answers 404 for unknown paths, 405 with `Allow` if only the method is wrong (RFC 9110, section 15.5.6), and OPTIONS with the allowed methods
 * (section 9.3.7), all without reading the body.
 */
export function answerUnknownRoutes(app: FastifyInstance): void {
  const routes: { url: string; pattern: RegExp; methods: string[] }[] = []
  app.addHook('onRoute', ({ url, method }) => {
    routes.push({ url, pattern: patternOf(url), methods: [method].flat() })
  })
  const methodsOf = (path: string): string[] => {
    // `/api/uploads/sign` is not the upload with the id `sign`
    const exact = routes.filter(({ url }) => url === path)
    const served = exact.length > 0 ? exact : routes.filter(({ pattern }) => pattern.test(path))
    return [...new Set(served.flatMap(({ methods }) => methods))]
  }
  const answer = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const { method } = request
    const path = request.url.split('?', 1)[0] ?? ''
    const served = methodsOf(path)
    if (served.length === 0) {
      const shorter = path.replace(/\/$/, '')
      const meant = methodsOf(shorter).includes(method) ? shorter : null
      return sendError(new AirlockError('route_not_found', { method, path, meant }), request, reply)
    }
    reply.header('allow', [...served, 'OPTIONS'].join(', '))
    if (method === 'OPTIONS') return reply.code(204).send()
    return sendError(new AirlockError('method_not_allowed', { method, path, allowed: served }), request, reply)
  }
  app.setNotFoundHandler(answer)
  // before Fastify reads the body and checks the requirements of QUERY
  app.addHook('preParsing', async (request, reply, payload) => {
    if (!request.is404) return payload
    answer(request, reply)
    return payload
  })
}

/** `/api/jobs/:id` as a pattern; our routes have no other placeholders. */
const patternOf = (url: string): RegExp => new RegExp(`^${url.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:\w+/g, '[^/]+')}$`)
