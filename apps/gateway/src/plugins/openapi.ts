import { type ErrorCode, errorCodes, errors, exampleOf } from '@airlock/domain'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { codesOfAll, codesOfGuarded, codesOfOperation } from './openapi/operation-codes.ts'
import { UploadForm } from './openapi/upload-form.ts'

/** What needs no token: health and figures for the platform, the document for everybody. */
const open = /^\/(health\/|metrics$|api\/health$|api\/openapi\.json$|api\/docs)/

export const isOpen = (path: string): boolean => open.test(path)

const methods = ['get', 'put', 'post', 'delete'] as const

interface Operation {
  security?: object[]
  parameters?: object[]
  requestBody?: object
  responses: Record<string, object>
}

type Paths = Record<string, Partial<Record<(typeof methods)[number], Operation>>>

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
    },
    transformObject: (document) => {
      if (!('openapiObject' in document)) throw new Error('the document is not OpenAPI 3')
      const told = document.openapiObject as { paths?: object; components?: object }
      addErrors(told.components as Record<string, object>)
      describe((told.paths ?? {}) as Paths)
      return document.openapiObject
    },
  })
  app.get(
    '/api/openapi.json',
    {
      schema: {
        summary: 'This document',
        tags: ['operations'],
        security: [],
        response: { 200: { type: 'object', additionalProperties: true } },
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

const exampleId = '5b0c0c4e-8d0b-4b6a-9a2e-0d6f3c1f7a10'

/** Every error as a client meets it: the shape, every code, an example of each. */
function addErrors(components: Record<string, object>): void {
  components.schemas = {
    ...components.schemas,
    Problem: {
      type: 'object',
      description: 'The body of every error',
      required: ['error', 'detail', 'code', 'request_id'],
      properties: {
        error: { type: 'string', description: 'A short title' },
        detail: { type: 'string', description: 'A sentence that names the file and the limit' },
        code: { type: 'string', enum: errorCodes, description: 'Stable: programs decide by this' },
        request_id: { type: 'string', description: 'Also in the header X-Request-Id; our logs have it' },
        rejected: {
          type: 'array',
          description: 'Of a form: each file that was refused, and why',
          items: {
            type: 'object',
            required: ['index', 'filename', 'code', 'error', 'detail'],
            properties: {
              index: { type: 'integer', description: "The file's place in the form, from 0" },
              filename: { type: 'string' },
              code: { type: 'string', enum: errorCodes },
              error: { type: 'string' },
              detail: { type: 'string' },
            },
          },
        },
      },
    },
  }
  components.examples = Object.fromEntries(
    errorCodes.map((code) => {
      const { error, detail } = exampleOf(code)
      return [code, { summary: `${errors[code].status} ${error}`, value: { error, detail, code, request_id: exampleId } }]
    }),
  )
}

function describe(paths: Paths): void {
  for (const [path, item] of Object.entries(paths)) {
    for (const method of methods) {
      const operation = item[method]
      if (operation === undefined) continue
      if (isOpen(path)) operation.security = []
      else operation.parameters = [...(operation.parameters ?? []), onBehalfOf]
      describeErrors(operation, codesOf(`${method.toUpperCase()} ${path}`, path))
    }
  }
  const upload = paths['/api/upload']?.post
  if (upload !== undefined) {
    upload.requestBody = {
      required: true,
      content: { 'multipart/form-data': { schema: JSON.parse(JSON.stringify(UploadForm)) } },
    }
  }
}

const onBehalfOf = {
  name: 'Airlock-On-Behalf-Of',
  in: 'header',
  required: false,
  schema: { type: 'string', format: 'uuid' },
  description: 'The user that a service acts for; needs the scope service',
}

const codesOf = (operation: string, path: string): ErrorCode[] => [
  ...(codesOfOperation[operation] ?? []),
  ...(isOpen(path) ? [] : codesOfGuarded),
  ...codesOfAll,
]

/** A response for each status that the route may answer with, with an example of each of its codes. */
function describeErrors(operation: Operation, codes: readonly ErrorCode[]): void {
  const statuses = [...new Set(codes.map((code) => errors[code].status))].sort((a, b) => a - b)
  for (const status of statuses) {
    if (operation.responses[status] !== undefined) continue
    const ofStatus = codes.filter((code) => errors[code].status === status)
    operation.responses[status] = {
      description: [...new Set(ofStatus.map((code) => errors[code].title))].join('; '),
      content: {
        'application/json': {
          schema: { $ref: '#/components/schemas/Problem' },
          examples: Object.fromEntries(ofStatus.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
        },
      },
    }
  }
}
