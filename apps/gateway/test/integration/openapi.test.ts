import { errorCodes, errors, eventTypes } from '@airlock/domain'
import { Validator } from '@seriousme/openapi-schema-validator'
import { expect } from 'vitest'
import { Contract } from '../contract.ts'
import { answerOf, type FilePart, formOf, logo, type RunningGateway, test } from '../gateway.ts'

interface Response {
  description: string
  headers?: Record<string, object>
  content?: Record<string, { schema: { $ref?: string }; examples?: Record<string, { $ref: string }> }>
}

interface Parameter {
  name: string
  in: string
  required?: boolean
  example?: unknown
  schema: { default?: unknown; format?: string; type?: string }
}

interface Operation {
  operationId: string
  security: object[]
  parameters?: Parameter[]
  requestBody?: {
    content: Record<string, { schema: { $ref?: string; properties: Record<string, { examples?: string[] }>; required: string[] } }>
  }
  responses: Record<string, Response>
  summary: string
}

interface Document {
  openapi: string
  paths: Record<string, Record<string, Operation>>
  webhooks: Record<string, Record<string, Operation>>
  components: {
    examples: Record<string, { value: { code: string; error: string; detail: string } }>
    schemas: Record<string, { examples?: unknown[]; enum?: string[] }>
  }
}

async function documentOf(gateway: RunningGateway): Promise<Document> {
  const { status, body } = await answerOf(await fetch(`${gateway.url}/api/openapi.json`))
  expect(status).toBe(200)
  return body
}

const operationsOf = ({ paths }: Document): [method: string, path: string, operation: Operation][] =>
  Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]): [string, string, Operation] => [method.toUpperCase(), path, operation]),
  )

test('the document is valid OpenAPI 3.1, and all its references resolve', async ({ gateway }) => {
  const document = await documentOf(gateway)
  const validator = new Validator()

  const { valid, errors: problems } = await validator.validate(structuredClone(document) as object as Record<string, unknown>)

  expect(problems).toBeUndefined()
  expect(valid).toBe(true)
  expect(validator.version).toBe('3.1')
  for (const [, path] of JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)) {
    const target = (path as string).split('/').reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], document)
    expect(target, path).toBeTypeOf('object')
  }
})

test('every route of the gateway is in it', async ({ gateway }) => {
  const document = await documentOf(gateway)
  const documented = operationsOf(document).map(([method, path]) => `${method} ${path}`)

  const served = routesOf(gateway.gateway.app.printRoutes({ commonPrefix: false }))

  expect(served).toContain('POST /api/upload')
  expect(documented.toSorted()).toEqual(served.toSorted())
})

test('a route requires a token exactly if the document does', async ({ gateway }) => {
  for (const [method, path, { security }] of operationsOf(await documentOf(gateway))) {
    const url = gateway.url + path.replace(/\{\w+\}/g, '0190a000-0000-4000-8000-00000000000a')
    const { status } = await fetch(url, { method, signal: AbortSignal.timeout(5000) })
    expect({ method, path, asks: status === 401 }).toEqual({ method, path, asks: security === undefined })
  }
})

test('every error code is in it, and each route has examples of its errors', async ({ gateway }) => {
  const document = await documentOf(gateway)

  expect(document.components.schemas.ErrorCode?.enum).toEqual(errorCodes)
  for (const [code, { value }] of Object.entries(document.components.examples))
    expect(value).toEqual({
      code,
      error: errors[code as keyof typeof errors].title,
      detail: expect.stringMatching(/\.$/),
      request_id: expect.any(String),
    })

  for (const [method, path, operation] of operationsOf(document)) {
    if (operation.responses['4XX']?.content?.['application/xml'] !== undefined) continue // speaks S3's protocol
    const examples = Object.entries(operation.responses).flatMap(([status, { content }]) =>
      Object.keys(content?.['application/json']?.examples ?? {}).map((code) => [status, code] as const),
    )
    expect(
      examples.map(([, code]) => code),
      `${method} ${path}`,
    ).toContain('internal_error')
    for (const [status, code] of examples) expect(String(errors[code as keyof typeof errors].status)).toBe(status)
  }
  const used = new Set([...JSON.stringify(document.paths).matchAll(/#\/components\/examples\/(\w+)/g)].map(([, code]) => code))
  expect(new Set(Object.keys(document.components.examples))).toEqual(used)
})

test('it has what generators need: names of operations and responses, a success, descriptions, headers', async ({ gateway }) => {
  const document = await documentOf(gateway)
  const operations = operationsOf(document)

  const ids = operations.map(([, , { operationId }]) => operationId)
  expect(ids.filter((id) => !/^[a-z][A-Za-z]+$/.test(id ?? ''))).toEqual([])
  expect(new Set(ids).size).toBe(ids.length)
  expect(JSON.stringify(document)).not.toContain('Default Response')
  for (const [method, path, { responses }] of operations) {
    const what = `${method} ${path}`
    const successes = Object.entries(responses).filter(([status]) => status.startsWith('2'))
    expect(successes, what).not.toEqual([])
    for (const [, { content = {} }] of successes) {
      const { schema } = content['application/json'] ?? {}
      if (schema !== undefined && path !== '/api/openapi.json') expect(schema.$ref, what).toMatch(/^#\/components\/schemas\/[A-Z]/)
    }
    for (const [status, { headers = {} }] of Object.entries(responses)) {
      expect(Object.keys(headers), what).toContain('X-Request-Id')
      if (status === '429' || status === '503') expect(Object.keys(headers), what).toContain('Retry-After')
    }
  }
  expect(Object.keys(document.paths['/api/upload']?.post?.responses[202]?.headers ?? {})).toEqual(
    expect.arrayContaining(['Retry-After', 'RateLimit', 'RateLimit-Policy', 'Preference-Applied', 'Idempotent-Replayed']),
  )
})

test('a parameter with a default is optional, and ids are UUIDs', async ({ gateway }) => {
  const parameters = operationsOf(await documentOf(gateway)).flatMap(([, , operation]) => operation.parameters ?? [])
  const withDefault = parameters.filter(({ schema }) => schema.default !== undefined)
  expect(withDefault.length).toBeGreaterThan(4)
  expect(withDefault.filter(({ required }) => required === true)).toEqual([])
  const ids = parameters.filter(({ name }) => name === 'id' || name.endsWith('_id'))
  expect(ids.length).toBeGreaterThan(5)
  expect(ids.filter(({ schema }) => schema.format !== 'uuid')).toEqual([])
})

test('uploads come first', async ({ gateway }) => {
  const [first, second] = Object.keys((await documentOf(gateway)).paths)
  expect([first, second]).toEqual(['/api/upload', '/api/uploads'])
})

test('each example matches its schema', async ({ gateway }) => {
  const document = await documentOf(gateway)
  const contract = new Contract(document)
  const examples = Object.entries(document.components.schemas).flatMap(([name, { examples = [] }]) =>
    examples.map((example) => ({ name, example })),
  )
  expect(examples.length).toBeGreaterThan(10)
  for (const { name, example } of examples) contract.assertFits(name, example)
  for (const { value } of Object.values(document.components.examples)) contract.assertFits('Problem', value)
})

test('the default values of a try-it page are accepted', async ({ gateway, client }) => {
  const document = await documentOf(gateway)
  const authorization = `Bearer ${await client.token({ scope: 'service ops' })}`
  for (const [method, path, { parameters = [], requestBody }] of operationsOf(document)) {
    const url = new URL(
      parameters.filter((each) => each.in === 'path').reduce((at, { name, example }) => at.replace(`{${name}}`, String(example)), path),
      gateway.url,
    )
    for (const { name, example } of parameters.filter((each) => each.in === 'query' && each.example !== undefined))
      url.searchParams.set(name, String(example))
    const { body, type } = bodyOf(requestBody, document, await logo())
    const { status, body: answer } = await answerOf(await fetch(url, { method, headers: { authorization, ...type }, body }))
    const opened = path === '/api/uploads' ? answer.uploads[0].upload_id : path === '/api/uploads/sign' ? answer.key : null
    if (opened !== null) await client.sends('DELETE', `/api/uploads/${opened}`)
    expect({ method, path, status, isTaken: ![400, 413, 415, 422, 500].includes(status) }).toMatchObject({ isTaken: true })
    if (method === 'POST' && path === '/api/upload') expect(status).toBe(202)
  }
})

/** A request body of the documented examples, with a file where the form requires one. */
function bodyOf(requestBody: Operation['requestBody'], { components }: Document, file: FilePart) {
  const [[type = '', { schema }] = ['', { schema: null }]] = Object.entries(requestBody?.content ?? {})
  if (schema === null) return { body: null, type: {} }
  if (type === 'application/json') {
    const [example] = components.schemas[schema.$ref?.split('/').at(-1) ?? '']?.examples ?? []
    return { body: JSON.stringify(example), type: { 'content-type': type } }
  }
  const fields = Object.entries(schema.properties).flatMap(([name, { examples = [] }]): [string, string][] =>
    examples.slice(0, 1).map((example) => [name, example]),
  )
  return { body: formOf([...fields, file]), type: {} }
}

test('each event type has its own schema, discriminated by type, and a webhook', async ({ gateway }) => {
  const { components, webhooks } = await documentOf(gateway)
  const { discriminator, oneOf } = components.schemas.Event as unknown as {
    discriminator: { propertyName: string; mapping: Record<string, string> }
    oneOf: { $ref: string }[]
  }
  expect(discriminator.propertyName).toBe('type')
  expect(Object.keys(discriminator.mapping)).toEqual(eventTypes)
  expect(oneOf.map(({ $ref }) => $ref)).toEqual(Object.values(discriminator.mapping))
  for (const [type, ref] of Object.entries(discriminator.mapping)) {
    const name = ref.split('/').at(-1) ?? ''
    expect(components.schemas[name]).toMatchObject({ properties: { data: { $ref: `#/components/schemas/${name}Data` } } })
    expect(webhooks[type]?.post?.requestBody?.content['application/json']?.schema.$ref).toBe(ref)
  }
})

test('the upload form is described field by field', async ({ gateway }) => {
  const { schema } = (await documentOf(gateway)).paths['/api/upload']?.post?.requestBody?.content['multipart/form-data'] ?? {}

  expect(Object.keys(schema?.properties ?? {})).toEqual(['files', 'asset_type', 'project_id', 'brand_id', 'metadata'])
  expect(schema?.required).toEqual(['files', 'asset_type'])
})

test('the pages for the document load nothing from other hosts', { meta: { id: 'docs-pages-need-nothing-foreign' } }, async ({
  gateway,
}) => {
  const page = await fetch(`${gateway.url}/api/docs`)
  const html = await page.text()

  expect(page.status).toBe(200)
  expect(page.headers.get('content-security-policy')).toContain("script-src 'self';")
  expect(html).not.toMatch(/(?:src|href)="(?:https?:)?\/\//)
  expect(html).not.toMatch(/<script(?![^>]*\ssrc=)[^>]*>/)
  const parts = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, part]) => part as string)
  expect(parts.length).toBeGreaterThan(3)
  const contents = await Promise.all(parts.map(async (part) => (await fetch(new URL(part, page.url))).text()))
  expect(contents.filter((content) => /createApiReference|--scalar-font|"openapi":/.test(content))).toHaveLength(4)
  expect((await fetch(`${gateway.url}/api/docs/`)).status).toBe(200)
})

/** `METHOD /path/{id}` for each line of Fastify's route list, without HEAD, which follows GET, and without the pages of the documentation. */
function routesOf(printed: string): string[] {
  const found: string[] = []
  const path: string[] = []
  for (const line of printed.split('\n')) {
    const [, indent = '', name = '', methods = ''] = /^([│├└─\s]*)(\S+)(?: \(([^)]+)\))?/.exec(line) ?? []
    if (name === '') continue
    const depth = indent.length / 4
    path.length = Math.max(0, depth - 1)
    path.push(name)
    for (const method of methods.split(', ').filter((verb) => verb !== '' && verb !== 'HEAD' && verb !== 'OPTIONS'))
      found.push(`${method} ${path.join('').replace(/:(\w+)/g, '{$1}')}`)
  }
  return found.filter((route) => !route.includes('/api/docs'))
}
