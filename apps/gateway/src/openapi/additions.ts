import { assetTypes, events, eventTypes } from '@airlock/domain'
import Type from 'typebox'
import { eventSchemas } from '../responses/event.ts'
import { maxFiles } from '../upload/form.ts'
import { ErrorCodeSchema } from './errors.ts'
import type { JsonObject } from './named-schemas.ts'

/** The body of `POST /api/upload`, only for the document: code reads the form part by part, in any order. */
export const UploadForm = Type.Object(
  {
    files: Type.Array(Type.Unsafe<Blob>({ type: 'string', format: 'binary' }), {
      minItems: 1,
      maxItems: maxFiles,
      description:
        'The files; the field may also be named `file`. A part may have a Content-Digest: sha-256=:…: (RFC 9530), which must match its bytes.',
    }),
    asset_type: Type.Enum([...assetTypes], { description: 'The purpose of the files; applies to all of them', examples: ['brand_image'] }),
    project_id: Type.Optional(Type.String({ format: 'uuid', description: 'Required for generated_video' })),
    brand_id: Type.Optional(Type.String({ format: 'uuid', description: 'Required for lora_training' })),
    metadata: Type.Optional(
      Type.String({
        maxLength: 4096,
        examples: ['{"order": 4711}'],
        description: 'A JSON object of strings, numbers and booleans, at most 4 KiB; returned unchanged with the job and the asset',
      }),
    ),
  },
  {
    additionalProperties: false,
    description:
      'Fields may come before, between or after the files. The text fields `name`, `type`, `relativePath` and `filename`, which uploaders send by default, are ignored.',
  },
)

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

const jobIds = { ...commas, schema: { type: 'array', items: { type: 'string', format: 'uuid' }, minItems: 1, maxItems: 100 } }

/** 1 to 255 visible ASCII characters. */
const key = { schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[!-~]([ -~]*[!-~])?$' } }

/** Parameters by operation and name that are checked in code, whose errors are more specific than those of a validator. */
export const refinedParameters: Readonly<Record<string, Readonly<Record<string, JsonObject>>>> = {
  'POST /api/upload': { 'idempotency-key': key },
  'POST /api/pipeline/videos': { 'idempotency-key': key },
  'GET /api/jobs': { ids: jobIds },
  'GET /api/jobs/events': { ids: { ...jobIds, example: ['0198c0de-0000-7000-8000-000000000003'] } },
  'GET /api/events': {
    types: { ...commas, schema: { type: 'array', items: { type: 'string', enum: eventTypes }, minItems: 1 } },
  },
}

/** Headers of the Standard Webhooks specification. */
const parameters = [
  ['webhook-id', 'The event_id: ignore events that you have already processed'],
  ['webhook-timestamp', 'When this attempt was made, in seconds since 1970'],
  ['webhook-signature', "`v1,` and a signature, one for each of the endpoint's secrets, separated by spaces"],
].map(([name, description]) => ({ name, in: 'header', required: true, description, schema: { type: 'string' } }))

/** The requests to endpoints and their responses (docs/webhooks.md). */
export const webhooks = Object.fromEntries(
  eventSchemas.map(({ type, name }) => [
    type,
    {
      post: {
        operationId: `on${name}`,
        summary: `To your endpoint: ${events[type]}`,
        tags: ['events'],
        security: [],
        parameters,
        requestBody: { required: true, content: { 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } } },
        responses: {
          '2XX': { description: 'The event is delivered' },
          '410': { description: 'Delivery of this event is given up' },
          default: { description: 'Delivery is retried for three days' },
        },
      },
    },
  ]),
)
