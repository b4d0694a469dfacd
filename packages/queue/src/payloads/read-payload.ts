import type { Static, TObject } from 'typebox'
import type { TLocalizedValidationError } from 'typebox/error'
import { PayloadMalformed } from './payload-malformed.ts'

/** A payload's schema: its properties, each described as what it must be, among them the version that it is. */
export type PayloadSchema = TObject

/** A compiled schema. */
export interface PayloadCheck<Schema extends PayloadSchema> {
  Type(): Schema
  Check(data: unknown): data is Static<Schema>
  Errors(data: unknown): TLocalizedValidationError[]
}

/**
 * Reads what is called `name` on the wire.
 *
 * A version that is not known is told before anything else: what else such a payload holds can't be judged.
 *
 * @throws PayloadMalformed naming the payload, the first field that is wrong, and what it must be
 */
export function readPayload<Schema extends PayloadSchema>(name: string, check: PayloadCheck<Schema>, data: unknown): Static<Schema> {
  if (check.Check(data)) return data
  const { properties } = check.Type()
  const errors = check.Errors(data)
  const error = errors.find(({ instancePath }) => instancePath === '/version') ?? errors[0]
  if (error === undefined) throw new PayloadMalformed(`${name}: does not fit its schema`)
  if (error.instancePath === '/version') throw new PayloadMalformed(`${name}/version: ${unknownVersion(data, knownVersion(properties))}`)
  if (error.keyword === 'boolean')
    throw new PayloadMalformed(`${name}${error.instancePath}: is no field of version ${knownVersion(properties)}`)
  throw new PayloadMalformed(`${name}${error.instancePath}: ${error.message}${expectation(error, properties)}`)
}

const knownVersion = ({ version }: Record<string, unknown>): number => (version as { const: number }).const

function unknownVersion(data: unknown, known: number): string {
  const said = String(JSON.stringify((data as { version: unknown }).version)).slice(0, 20)
  return `${said} is not known here, only ${known}; send that version, or update the Airlock that reads it`
}

/** What the field must be, in the words of its schema. */
function expectation({ instancePath }: TLocalizedValidationError, properties: Record<string, unknown>): string {
  const field = properties[instancePath.split('/')[1] ?? ''] as { description?: string } | undefined
  return field?.description === undefined ? '' : ` (${field.description})`
}
