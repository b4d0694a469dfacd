import { isDeepStrictEqual } from 'node:util'

export type JsonObject = { [name: string]: unknown }

/** Titles of schemas that become components. */
const name = /^[A-Z][A-Za-z]*$/

/**
 * Moves every schema whose `title` is a name to the components of a document, and replaces it with a reference. So routes can define their
 * schemas in TypeScript, and generators find one type per name.
 *
 * @param part a part of the document
 * @param components receives the schemas by name
 * @throws Error if two different schemas have the same name, which is a bug
 */
export function moveNamedSchemas(part: unknown, components: JsonObject): unknown {
  if (Array.isArray(part)) return part.map((item) => moveNamedSchemas(item, components))
  if (!isObject(part)) return part
  const moved: JsonObject = Object.fromEntries(Object.entries(part).map(([key, value]) => [key, moveNamedSchemas(value, components)]))
  // TypeBox omits the type of an enumeration's values
  if (isTextEnum(moved)) moved.type ??= 'string'
  const { title } = moved
  if (typeof title !== 'string' || !name.test(title) || !isSchema(moved)) return moved
  const known = components[title]
  const { description, ...rest } = moved
  // for a parameter, the generator moves the description from the schema to the parameter
  const described = { ...rest, description: description ?? (isObject(known) ? known.description : undefined) }
  if (isObject(known) && !isDeepStrictEqual({ ...known, description: described.description }, described))
    throw new Error(`two schemas have the name ${title}`)
  components[title] = described
  return { $ref: `#/components/schemas/${title}` }
}

export const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value)

const isTextEnum = (schema: JsonObject): boolean => Array.isArray(schema.enum) && schema.enum.every((value) => typeof value === 'string')

/** Distinguishes a schema from an object with a property `title`. */
const isSchema = (value: JsonObject): boolean => ['type', 'enum', 'anyOf', 'oneOf', 'const'].some((keyword) => keyword in value)
