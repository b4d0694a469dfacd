import { eventTypes } from '@airlock/domain'
import { ErrorCodeSchema } from './errors.ts'
import type { JsonObject } from './named-schemas.ts'

/**
 * What clients are told more exactly than the schemas that serialise: those must also take what an older version, or the product around us,
 * has left in the database.
 */
export const refinedSchemas: Readonly<Record<string, JsonObject>> = {
  ErrorCode: ErrorCodeSchema,
  Metadata: {
    type: 'object',
    additionalProperties: { type: ['string', 'number', 'boolean'] },
    description: 'What the caller gave with the upload: at most 4 KiB of JSON. It comes back unchanged',
  },
}

/** Lists in queries: one parameter with commas, as the routes read it. A parameter for each item is read as well. */
const commas = { style: 'form', explode: false }

/** 1 to 255 visible ASCII characters. */
const key = { schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[!-~]([ -~]*[!-~])?$' } }

/** Parameters that code checks, since its errors say more than those of a validator, by operation and name. */
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
