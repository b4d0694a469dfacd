import { Compile, type Validator } from 'typebox/schema'

type JsonObject = { [name: string]: unknown }

interface Operation {
  responses: Record<string, { content?: Record<string, { schema: object }> }>
}

export interface OpenApi {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, object> }
}

/** Checks responses against the OpenAPI document: an undocumented status, field or null is an error. */
export class Contract {
  readonly #paths: { pattern: RegExp; item: Record<string, Operation> }[]
  readonly #components: OpenApi['components']
  readonly #validators = new Map<string, Validator>()

  constructor(document: OpenApi) {
    this.#paths = Object.entries(document.paths).map(([path, item]) => ({
      pattern: new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`),
      item,
    }))
    this.#components = closed(document.components) as OpenApi['components']
  }

  /** @throws Error if the document does not describe the response */
  assertDescribes(method: string, path: string, { status, body }: { status: number; body: unknown }): void {
    const operation = this.#paths.find(({ pattern }) => pattern.test(path.split('?')[0] ?? ''))?.item[method.toLowerCase()]
    const schema = operation === undefined ? problem : schemaOf(operation, status)
    if (schema === undefined) throw new Error(`${method} ${path} answers ${status}, which is not documented`)
    if (schema === null) return
    this.#assertFits(schema, body, `${method} ${path} answers ${status} with`)
  }

  /** @param name of a schema in the document */
  assertFits(name: string, value: unknown): void {
    this.#assertFits({ $ref: `#/components/schemas/${name}` }, value, `${name}:`)
  }

  #assertFits(schema: object, value: unknown, what: string): void {
    const text = JSON.stringify(schema)
    const validator = this.#validators.get(text) ?? Compile({ ...schema, components: this.#components } as never)
    this.#validators.set(text, validator)
    if (validator.Check(value)) return
    const faults = validator.Errors(value)[1].map(({ instancePath, message }) => `${instancePath} ${message}`)
    throw new Error(`${what} a value that violates its schema: ${faults.join('; ')}\n${JSON.stringify(value, null, 2)}`)
  }
}

const problem = { $ref: '#/components/schemas/Problem' }

/** @returns null for a response without JSON, undefined for one that is not documented */
function schemaOf({ responses }: Operation, status: number): object | null | undefined {
  const response = responses[String(status)] ?? responses[`${Math.floor(status / 100)}XX`]
  return response === undefined ? undefined : (response.content?.['application/json']?.schema ?? null)
}

/** The same schemas, which do not permit fields that they do not name. */
function closed(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(closed)
  if (typeof part !== 'object' || part === null) return part
  const copy: JsonObject = Object.fromEntries(Object.entries(part).map(([key, value]) => [key, closed(value)]))
  return copy.type === 'object' && copy.properties !== undefined ? { additionalProperties: false, ...copy } : copy
}
