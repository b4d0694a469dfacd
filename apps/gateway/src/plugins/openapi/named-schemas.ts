import { isDeepStrictEqual } from 'node:util'

export type JsonObject = { [name: string]: unknown }

/** Titles of schemas that are to be components. */
const name = /^[A-Z][A-Za-z]*$/

/**
 * Moves every schema that has a name as its `title` to the components of a document, and puts a reference in its place. So routes write their
 * schemas in TypeScript, and generators find one type of each name.
 *
 * @param part of the document; it is changed in place
 * @param components gets the schemas, by name
 * @throws Error when two different schemas have one name: a mistake of ours
 */
export function moveNamedSchemas(part: unknown, components: JsonObject): unknown {
  if (Array.isArray(part)) return part.map((item) => moveNamedSchemas(item, components))
  if (!isObject(part)) return part
  const moved: JsonObject = Object.fromEntries(Object.entries(part).map(([key, value]) => [key, moveNamedSchemas(value, components)]))
  // TypeBox leaves out what the values of an enumeration are
  if (isTextEnum(moved)) moved.type ??= 'string'
  const { title } = moved
  if (typeof title !== 'string' || !name.test(title) || !isSchema(moved)) return moved
  const known = components[title]
  const { description, ...rest } = moved
  // a parameter has taken the description of its schema for itself
  const described = { ...rest, description: description ?? (isObject(known) ? known.description : undefined) }
  if (isObject(known) && !isDeepStrictEqual({ ...known, description: described.description }, described))
    throw new Error(`two schemas have the name ${title}`)
  components[title] = described
  return { $ref: `#/components/schemas/${title}` }
}

export const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value)

const isTextEnum = (schema: JsonObject): boolean => Array.isArray(schema.enum) && schema.enum.every((value) => typeof value === 'string')

/** A property of an object may be called `title`, and be no schema's name. */
const isSchema = (value: JsonObject): boolean => ['type', 'enum', 'anyOf', 'oneOf', 'const'].some((keyword) => keyword in value)
