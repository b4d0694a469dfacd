import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { describe } from './openapi/describe.ts'

/** What needs no token: health and figures for the platform, the document for everybody. */
const open = /^\/(health\/|metrics$|api\/health$|api\/openapi\.json$|api\/docs)/

export const isOpen = (path: string): boolean => open.test(path)

/** What an address or a user may ask for again and again: see the request limit. */
const unlimited = /^\/(health\/|metrics$|api\/health$)/

/** In the order in which the document has them. */
const tags = [
  { name: 'uploads', description: 'Send files in' },
  { name: 'jobs', description: 'What becomes of them' },
  { name: 'assets', description: 'What they became' },
  { name: 'brands', description: 'The pictures of a brand' },
  { name: 'events', description: 'For services: what happened, to uploads and assets of all users' },
  { name: 'pipeline', description: 'For pipelines: videos that lie in another bucket' },
  { name: 'operations', description: 'For the platform: health, metrics, this document' },
]

/**
 * Collects the routes that are registered after it, and serves what it knows of them: `/api/openapi.json` (OpenAPI 3.1, out of the schemas
 * that validate requests and serialise answers) and `/api/docs`, which needs nothing from elsewhere.
 */
export async function serveOpenApi(app: FastifyInstance, { version }: { version: string }): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Airlock',
        version,
        description:
          'Takes files in, holds them in quarantine until their bytes are proven to be what they claim, and gives them out again.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      // relative to this document: wherever the gateway is reached
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
      // as JSON: plain objects, which is what is served
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
  await app.register(swaggerUi, {
    routePrefix: '/api/docs',
    staticCSP: docsPolicy,
    uiConfig: { url: '/api/openapi.json', deepLinking: true },
  })
}

/** Swagger UI writes styles of its own into the page; scripts come from us alone. */
const docsPolicy = {
  'default-src': "'none'",
  'script-src': "'self'",
  'style-src': ["'self'", "'unsafe-inline'"],
  'img-src': ["'self'", 'data:'],
  'font-src': ["'self'", 'data:'],
  'connect-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
}
