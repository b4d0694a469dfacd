import { eventTypes } from '@airlock/domain'
import { ErrorCodeSchema } from './errors.ts'
import type { JsonObject } from './named-schemas.ts'

/**
 * Schemas that are stricter in the document than in serialisation, which must also accept rows that older versions, or the surrounding product,
 * have written to the database.
 */
export const refinedSchemas: Readonly<Record<string, JsonObject>> = {
  ErrorCode: ErrorCodeSchema,
  Metadata: {
    type: 'object',
    additionalProperties: { type: ['string', 'number', 'boolean'] },
    description: 'The metadata of the upload: at most 4 KiB of JSON, returned unchanged',
  },
}

/** Lists in queries: one comma-separated parameter. The routes also accept a parameter for each item. */
const commas = { style: 'form', explode: false }

/** 1 to 255 visible ASCII characters. */
const key = { schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[!-~]([ -~]*[!-~])?$' } }

/** Parameters by operation and name that are checked in code, whose errors are more specific than those of a validator. */
export const refinedParameters: Readonly<Record<string, Readonly<Record<string, JsonObject>>>> = {
  'POST /api/upload': { 'idempotency-key': key },
  'POST /api/pipeline/videos': { 'idempotency-key': key },
  'GET /api/jobs': {
    ids: { ...commas, schema: { type: 'array', items: { type: 'string', format: 'uuid' }, minItems: 1, maxItems: 100 } },
  },
  'GET /api/events': {
    types: { ...commas, schema: { type: 'array', items: { type: 'string', enum: eventTypes }, minItems: 1 } },
  },
}
