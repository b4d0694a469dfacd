import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { describe } from './describe.ts'
import { referenceCss, referenceHtml, referenceProgram } from './reference-page.ts'
import { scalarScript } from './scalar-script.ts'

/** Paths that need no token: health and metrics for the platform, the API document for everyone. */
const open = /^\/(health\/|metrics$|api\/health$|api\/openapi\.json$|api\/docs)/

const isOpen = (path: string): boolean => open.test(path)

/** Paths that are exempt from the request limit. */
const unlimited = /^\/(health\/|metrics$|api\/health$)/

/** In the order of the document. */
const tags = [
  { name: 'uploads', description: 'Upload files' },
  { name: 'jobs', description: 'Follow and cancel uploads' },
  { name: 'assets', description: 'Read, list and delete accepted files' },
  { name: 'brands', description: 'The pictures of a brand' },
  { name: 'events', description: 'For services: events of the uploads and assets of all users' },
  { name: 'pipeline', description: 'For pipelines: videos in another bucket' },
  { name: 'operations', description: 'For the platform: health, metrics, this document' },
]

/**
 * Collects the routes that are registered after it, and serves their description: `/api/openapi.json` (OpenAPI 3.1, from the schemas that
 * validate requests and serialise responses) and `/api/docs`, which loads nothing from other servers.
 */
export async function serveOpenApi(app: FastifyInstance, { version }: { version: string }): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Airlock',
        version,
        description: 'Receives files, keeps them in quarantine until inspection has verified their content, and serves them as assets.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      // relative to this document, so it works for any address of the gateway
      servers: [{ url: '/' }],
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'A JWT whose sub is the UUID of the user' },
        },
      },
      security: [{ bearer: [] }],
      tags,
    },
    transformObject: (document) => {
      if (!('openapiObject' in document)) throw new Error('the document is not OpenAPI 3')
      const rules = { isOpen, isLimited: (path: string) => !unlimited.test(path) }
      // as JSON, to get plain objects
      return JSON.parse(JSON.stringify(describe(JSON.parse(JSON.stringify(document.openapiObject)), rules)))
    },
  })
  app.get(
    '/api/openapi.json',
    {
      schema: {
        operationId: 'getOpenApi',
        summary: 'This document',
        tags: ['operations'],
        response: { 200: { type: 'object', additionalProperties: true, description: 'This document' } },
      },
    },
    async () => app.swagger(),
  )
  serveReference(app)
}

/** Serves the document as a page. */
function serveReference(app: FastifyInstance): void {
  const html = referenceHtml('/api/docs')
  const program = referenceProgram({ documentUrl: '/api/openapi.json', canSend: true })
  let script: Promise<Buffer> | undefined
  const scriptOnce = () => {
    script ??= scalarScript().catch((error: unknown) => {
      script = undefined // the next request tries again
      throw error
    })
    return script
  }
  const files = {
    '': ['text/html', () => html],
    '/': ['text/html', () => html],
    '/reference.js': ['text/javascript', () => program],
    '/reference.css': ['text/css', () => referenceCss],
    '/scalar.js': ['text/javascript', scriptOnce],
  } as const
  for (const [path, [type, content]] of Object.entries(files)) {
    app.get(`/api/docs${path}`, { schema: { hide: true } }, async (_request, reply) => {
      reply.header('content-security-policy', referencePolicy).header('cache-control', 'public, max-age=3600')
      if (path === '/scalar.js') reply.header('content-encoding', 'gzip')
      return reply.type(`${type}; charset=utf-8`).send(await content())
    })
  }
}

/** Scalar writes inline styles; everything else comes from this server, and nothing may be sent elsewhere. */
const referencePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')
