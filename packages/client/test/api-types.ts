interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | Schema
  readonly description?: string
}

interface Operation {
  readonly operationId: string
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly description?: string; readonly schema: Schema }[]
}

export interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

/**
 * Writes TypeScript types of an OpenAPI document: of the named schemas, of those that they refer to, and of the queries of operations.
 *
 * It is short because the document is ours: every schema that is used twice has a name, and there are few kinds of them. openapi-typescript does not run beside
 * TypeScript 7, and it writes the whole document as one type.
 *
 * @param names of schemas @param operations whose query becomes a type, such as `ListAssetsQuery` for `listAssets`
 */
export function apiTypes({ paths, components }: OpenApiDocument, names: readonly string[], operations: readonly string[]): string {
  const wanted = new Set(names)
  const typeOf = (schema: Schema): string => {
    const { $ref, anyOf, oneOf, allOf, type, items, properties, required = [], additionalProperties } = schema
    if ($ref !== undefined) {
      const name = $ref.slice($ref.lastIndexOf('/') + 1)
      wanted.add(name)
      return name
    }
    if (schema.const !== undefined) return literal(schema.const)
    if (schema.enum !== undefined) return schema.enum.map(literal).join(' | ')
    if (allOf !== undefined) return allOf.map(typeOf).join(' & ')
    const options = anyOf ?? oneOf
    if (options !== undefined) return [...new Set(options.map(typeOf))].join(' | ')
    if (Array.isArray(type)) return type.map((one) => typeOf({ ...schema, type: one })).join(' | ')
    if (type === 'array') return `readonly (${typeOf(items ?? {})})[]`
    if (properties !== undefined) return block(properties, required)
    if (typeof additionalProperties === 'object') return `Readonly<Record<string, ${typeOf(additionalProperties)}>>`
    return plain[String(type)] ?? 'unknown'
  }
  const block = (properties: Readonly<Record<string, Schema>>, required: readonly string[]): string => {
    const lines = Object.entries(properties).map(
      ([name, schema]) => `${comment(schema)}readonly ${name}${required.includes(name) ? '' : '?'}: ${typeOf(schema)}\n`,
    )
    return `{\n${lines.join('')}}`
  }
  const queries = Object.values(paths)
    .flatMap((item) => Object.values(item))
    .filter(({ operationId }) => operations.includes(operationId))
    .map(({ operationId, parameters = [] }) => {
      const query = parameters.filter((parameter) => parameter.in === 'query')
      const properties = Object.fromEntries(
        query.map(({ name, description, schema }) => [name, { ...schema, ...(description && { description }) }]),
      )
      return `export interface ${operationId.replace(/^./, (letter) => letter.toUpperCase())}Query ${block(properties, [])}\n`
    })
  const types = new Map<string, string>()
  // naming a type may want others
  for (const name of wanted) {
    const schema = components.schemas[name]
    if (schema === undefined) throw new Error(`the document has no schema ${name}`)
    const body = typeOf(schema)
    types.set(name, `${comment(schema)}export ${body.startsWith('{') ? `interface ${name} ${body}` : `type ${name} = ${body}`}\n`)
  }
  return [...[...types].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => text), ...queries.toSorted()].join('\n')
}

const plain: Readonly<Record<string, string>> = {
  string: 'string',
  integer: 'number',
  number: 'number',
  boolean: 'boolean',
  null: 'null',
}

const literal = (value: unknown): string => `'${String(value)}'`

const comment = ({ description }: Schema): string => (description === undefined ? '' : `/** ${description.replaceAll('*/', '* /')} */\n`)
