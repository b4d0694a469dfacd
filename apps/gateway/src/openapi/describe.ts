import type { ErrorCode } from '@airlock/domain'
import { Problem } from '../responses/schemas.ts'
import { refinedParameters, refinedSchemas, UploadForm, webhooks } from './additions.ts'
import { codesOfAll, codesOfGuarded, codesOfOperation, errorExamples, errorResponses, inXml } from './errors.ts'
import { examples } from './examples.ts'
import { isObject, type JsonObject, moveNamedSchemas } from './named-schemas.ts'
import { headersOf, responseHeaders } from './response-headers.ts'

const methods = ['get', 'put', 'post', 'delete'] as const

interface Parameter {
  name: string
  in: string
  required?: boolean
  example?: unknown
  schema: JsonObject
}

interface Operation extends JsonObject {
  security?: object[]
  tags?: string[]
  parameters?: Parameter[]
  requestBody?: JsonObject
  responses: Record<string, JsonObject>
}

type PathItem = Partial<Record<(typeof methods)[number], Operation>>

export interface OpenApiDocument {
  paths?: Record<string, PathItem>
  components?: Record<string, JsonObject>
  tags?: readonly { readonly name: string }[]
  webhooks?: unknown
}

/** Which routes need no token, and which are subject to the request limit. */
export interface RouteRules {
  isOpen(path: string): boolean
  isLimited(path: string): boolean
}

/**
 * Completes the document that `@fastify/swagger` generates from the routes' schemas: errors, headers, names, examples, webhooks, and the order of
 * the paths.
 *
 * @returns the document for generators and people
 */
export function describe(document: OpenApiDocument, rules: RouteRules): OpenApiDocument {
  const paths = ordered(document)
  const used = new Set<ErrorCode>()
  for (const [path, item] of Object.entries(paths)) {
    for (const method of methods) {
      const operation = item[method]
      if (operation !== undefined) describeOperation(operation, `${method.toUpperCase()} ${path}`, path, rules, used)
    }
  }
  const upload = paths['/api/upload']?.post
  if (upload !== undefined) {
    upload.requestBody = { required: true, content: { 'multipart/form-data': { schema: UploadForm } } }
  }
  const schemas: JsonObject = {}
  const described = moveNamedSchemas(asJson({ ...document, paths, webhooks }), schemas) as OpenApiDocument
  moveNamedSchemas(asJson(Problem), schemas)
  for (const [name, refined] of Object.entries(refinedSchemas)) schemas[name] = moveNamedSchemas(refined, schemas)
  for (const [name, example] of Object.entries(examples)) {
    if (!isObject(schemas[name])) throw new Error(`example of ${name} without such a schema`)
    schemas[name] = { ...schemas[name], examples: [example] }
  }
  const sorted = Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1)))
  described.components = { ...described.components, schemas: sorted, headers: responseHeaders, examples: errorExamples(used) }
  return described
}

/** A copy without TypeBox's hidden properties. */
const asJson = (value: object): unknown => JSON.parse(JSON.stringify(value))

/** Paths in the order of their tags. */
function ordered({ paths = {}, tags = [] }: OpenApiDocument): Record<string, PathItem> {
  const place = (item: PathItem): number => {
    const [tag] = methods.flatMap((method) => item[method]?.tags ?? [])
    return tags.findIndex(({ name }) => name === tag)
  }
  return Object.fromEntries(Object.entries(paths).sort(([, a], [, b]) => place(a) - place(b)))
}

function describeOperation(operation: Operation, name: string, path: string, rules: RouteRules, used: Set<ErrorCode>): void {
  const isOpen = rules.isOpen(path)
  const isLimited = rules.isLimited(path)
  if (isOpen) operation.security = []
  else operation.parameters = [...(operation.parameters ?? []), onBehalfOf]
  for (const parameter of operation.parameters ?? []) {
    // a parameter with a default is always present in our code, but optional for clients
    if (parameter.schema.default !== undefined) parameter.required = false
    Object.assign(parameter, refinedParameters[name]?.[parameter.name])
    const { examples: [example] = [], ...schema } = parameter.schema as JsonObject & { examples?: unknown[] }
    if (example !== undefined) Object.assign(parameter, { example, schema })
  }
  const codes = [...(codesOfOperation[name] ?? []), ...(isOpen ? [] : codesOfGuarded), ...codesOfAll]
  if (!inXml.has(name)) for (const code of codes) used.add(code)
  const successes = Object.entries(operation.responses).filter(([status]) => !/^[45]XX$/.test(status))
  const errors = errorResponses(name, codes, isLimited)
  operation.responses = {
    ...errors,
    ...Object.fromEntries(successes.map(([status, response]) => [status, { ...response, headers: headersOf(name, status, isLimited) }])),
  }
}

const onBehalfOf: Parameter & { description: string } = {
  name: 'Airlock-On-Behalf-Of',
  in: 'header',
  required: false,
  // Type and format are separate schemas because of two generators: openapi-python-client passes an object to its HTTP library where a header's own schema has
  // a format, and Schemathesis sends numbers where a header has a pattern that requires a hyphen.
  schema: { type: 'string', allOf: [{ format: 'uuid' }] },
  description: 'The user for whom a service acts; requires the scope service',
}
