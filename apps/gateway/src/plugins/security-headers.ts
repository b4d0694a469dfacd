import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import type { FastifyInstance } from 'fastify'

/** What browsers let a page of an allowed origin read beside the body. */
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
]

/**
 * What `addSecurityHeaders` puts on every answer, for those that no hook sees: Node's parser gave up before there was a request. A test
 * compares them.
 */
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

/** How long a browser may remember a preflight, in seconds. */
const preflightSeconds = 600

/**
 * Says to browsers that an answer is data and never a page, on every answer, errors included; and which origins' pages may call us.
 * Tokens travel in a header that no browser adds by itself, so CORS goes without credentials.
 *
 * @param origins exact ones; none: nobody's pages
 */
export async function addSecurityHeaders(app: FastifyInstance, { origins }: { origins: readonly string[] }): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], baseUri: ["'none'"], formAction: ["'none'"], frameAncestors: ["'none'"] },
    },
    frameguard: { action: 'deny' },
    referrerPolicy: { policy: 'no-referrer' },
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
    // answers are about one user; what may be kept says so itself
    if (!reply.hasHeader('cache-control') && request.url.startsWith('/api/')) reply.header('cache-control', 'no-store')
  })
}
