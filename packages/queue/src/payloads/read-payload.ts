import type { Static, TObject } from 'typebox'
import Type from 'typebox'
import type { TLocalizedValidationError } from 'typebox/error'

/** A job's payload breaks its contract. Retrying does not help. */
export class PayloadMalformed extends Error {
  override name = 'PayloadMalformed'
}

/** A UUID of any version, in its usual form and in either case (RFC 9562, section 4). */
export const Uuid = Type.String({ pattern: '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$', description: 'a UUID' })

/** A payload's schema. Each property's description says what its value must be; one property is the version. */
export type PayloadSchema = TObject

/** A compiled schema. */
export interface PayloadCheck<Schema extends PayloadSchema> {
  Type(): Schema
  Check(data: unknown): data is Static<Schema>
  Errors(data: unknown): TLocalizedValidationError[]
}

/**
 * Validates a payload.
 *
 * An unknown version is reported before any other fault: the other fields of such a payload can't be judged.
 *
 * @param name the payload's name in error messages
 * @throws PayloadMalformed names the payload, the first invalid field, and what it must be
 */
export function readPayload<Schema extends PayloadSchema>(name: string, check: PayloadCheck<Schema>, data: unknown): Static<Schema> {
  if (check.Check(data)) return data
  const { properties } = check.Type()
  const errors = check.Errors(data)
  const error = errors.find(({ instancePath }) => instancePath === '/version') ?? errors[0]
  if (error === undefined) throw new PayloadMalformed(`${name}: does not match its schema`)
  if (error.instancePath === '/version') throw new PayloadMalformed(`${name}/version: ${unknownVersion(data, knownVersion(properties))}`)
  if (error.keyword === 'boolean')
    throw new PayloadMalformed(`${name}${error.instancePath}: is not a field of version ${knownVersion(properties)}`)
  throw new PayloadMalformed(`${name}${error.instancePath}: ${error.message}${expectation(error, properties)}`)
}

const knownVersion = ({ version }: Record<string, unknown>): number => (version as { const: number }).const

function unknownVersion(data: unknown, known: number): string {
  const given = String(JSON.stringify((data as { version: unknown }).version)).slice(0, 20)
  return `${given} is not supported here, only ${known}; send that version, or update the Airlock that reads it`
}

/** What the field must be, from its schema's description. */
function expectation({ instancePath }: TLocalizedValidationError, properties: Record<string, unknown>): string {
  const field = properties[instancePath.split('/')[1] ?? ''] as { description?: string } | undefined
  return field?.description === undefined ? '' : ` (${field.description})`
}
