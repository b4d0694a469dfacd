import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'

/** Response headers that pages of an allowed origin may read. */
const exposedHeaders = [
  'X-Request-Id',
  'Retry-After',
  'RateLimit',
  'RateLimit-Policy',
  'Preference-Applied',
  'Idempotent-Replayed',
  'Content-Disposition',
  'Allow',
]

const allowedHeaders = [
  'Authorization',
  'Content-Type',
  'Prefer',
  'Idempotency-Key',
  'X-Request-Id',
  'Airlock-On-Behalf-Of',
  'Last-Event-ID',
  'traceparent',
]

/** On every response, also on those that no hook handles because Node's parser failed before there was a request. The values are helmet's. */
export const securityHeaders = {
  'content-security-policy': "default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'origin-agent-cluster': '?1',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-content-type-options': 'nosniff',
  'x-dns-prefetch-control': 'off',
  'x-download-options': 'noopen',
  'x-frame-options': 'DENY',
  'x-permitted-cross-domain-policies': 'none',
  'x-xss-protection': '0',
} as const

/** How long a browser may cache a preflight, in seconds. */
const preflightSeconds = 600

/**
 * Sets headers on every response, including errors, that make browsers treat it as data and not as a page; and allows the given origins (CORS).
 * Tokens are sent in a header that browsers do not add automatically, so CORS needs no credentials.
 *
 * @param origins exact origins; empty: none
 */
export async function addSecurityHeaders(app: FastifyInstance, { origins }: { origins: readonly string[] }): Promise<void> {
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(securityHeaders)
    done()
  })
  if (origins.length > 0) {
    await app.register(cors, {
      origin: [...origins],
      methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
      allowedHeaders,
      exposedHeaders,
      maxAge: preflightSeconds,
      strictPreflight: false,
      hideOptionsRoute: true,
    })
  }
  app.addHook('onSend', async (request, reply) => {
    // responses concern one user; cacheable ones set the header themselves
    if (!reply.hasHeader('cache-control') && request.url.startsWith('/api/')) reply.header('cache-control', 'no-store')
  })
}
