import { AirlockError } from '@airlock/domain'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { TObject } from 'typebox'
import type { Validator } from 'typebox/compile'
import { exactJson } from '../upload/client-metadata.ts'

/**
 * Makes the routes of a plugin read JSON bodies as sent. Their code validates them with `checkedBody`: Fastify's validation would coerce values, and
 * its errors would be less specific.
 */
export function readExactJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, async (_request: FastifyRequest, text: string) => jsonOf(text))
  app.addContentTypeParser('*', async () => {
    throw new AirlockError('not_json', {})
  })
  app.setValidatorCompiler(() => () => true)
}

function jsonOf(text: string): unknown {
  try {
    return exactJson(text)
  } catch (error) {
    if (error instanceof AirlockError) throw error
    throw new AirlockError('request_malformed', { reason: 'the body is not JSON' }, { cause: error })
  }
}

/**
 * @param schema each field whose value can be invalid has a description, which the error quotes
 * @throws AirlockError `request_malformed` if the body is not such an object, `field_malformed` naming the first invalid field
 */
export function checkedBody<T>(compiled: Validator, schema: TObject, body: unknown): T {
  if (compiled.Check(body)) return body as T
  throw faultOf(compiled, schema, body)
}

export const fieldMalformed = (field: string, expected: string | undefined) =>
  new AirlockError('field_malformed', { field, expected: expected ?? 'a different value' })

/** The first missing, unknown or invalid field, described by its schema. */
function faultOf(compiled: Validator, schema: TObject, body: unknown): AirlockError {
  const [error] = compiled.Errors(body)
  const path = error?.instancePath.split('/').slice(1) ?? []
  // an unknown field is validated against the schema `false`
  if (error?.keyword === 'boolean') return new AirlockError('request_malformed', { reason: `field '${path.join('.')}' does not exist` })
  const missing = error?.keyword === 'required' ? error.params.requiredProperties.slice(0, 1) : []
  const field = [...path, ...missing]
  if (field.length === 0) return new AirlockError('request_malformed', { reason: 'the body is not a JSON object' })
  return fieldMalformed(...described(schema, field))
}

interface Described {
  readonly properties?: Record<string, object>
  readonly items?: object
  readonly description?: string
}

/** A field's path, and the description of the innermost schema that has one. */
function described(root: Described, path: readonly string[]): [field: string, expected: string | undefined] {
  let schema: Described | undefined = root
  let expected: string | undefined
  const known: string[] = []
  for (const name of path) {
    schema = schema?.items ?? schema?.properties?.[name]
    if (schema === undefined) break
    known.push(name)
    expected = schema.description ?? expected
  }
  return [known.join('.'), expected]
}
