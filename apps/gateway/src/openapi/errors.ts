import { type ErrorCode, errorCodes, errors, exampleOf } from '@airlock/domain'
import { xmlType } from '../s3-multipart/xml.ts'
import type { JsonObject } from './named-schemas.ts'
import { headersOf } from './response-headers.ts'

/** Error codes of every route. */
export const codesOfAll: readonly ErrorCode[] = ['request_malformed', 'expectation_failed', 'too_many_requests', 'internal_error']

/** Additional error codes of every route that needs a token. */
export const codesOfGuarded: readonly ErrorCode[] = [
  'token_missing',
  'token_malformed',
  'token_invalid',
  'token_not_for_access',
  'token_expired',
  'scope_missing',
  'auth_unavailable',
  'database_unavailable',
  'query_unknown',
]

/** Additional error codes of every route whose body Fastify reads. */
const ofSmallBody: readonly ErrorCode[] = ['not_json', 'encoding_not_supported', 'request_timeout']

const ofJob: readonly ErrorCode[] = ['id_malformed', 'job_not_found', 'job_not_yours']
const ofUpload: readonly ErrorCode[] = ['id_malformed', 'upload_not_found', 'job_not_yours', 'capability_invalid']
const ofAsset: readonly ErrorCode[] = ['id_malformed', 'asset_not_found', 'asset_not_yours']

const ofOpening: readonly ErrorCode[] = [
  ...ofSmallBody,
  'asset_type_unknown',
  'asset_type_not_available',
  'field_missing',
  'field_malformed',
  'empty_file',
  'file_too_large',
  'extension_not_allowed',
  'type_not_allowed',
  'extension_mismatch',
  'filename_invalid',
  'filename_too_long',
  'files_refused',
  'unknown_user',
  'file_limit_reached',
  'parked_limit_reached',
  'open_uploads_limit_reached',
  'storage_unavailable',
  'overloaded',
]

/** Additional error codes by route. Codes that occur only in ended jobs are not listed. */
export const codesOfOperation: Readonly<Record<string, readonly ErrorCode[]>> = {
  'POST /api/upload': [
    'empty_file',
    'file_too_large',
    'extension_not_allowed',
    'type_not_allowed',
    'extension_mismatch',
    'type_mismatch',
    'filename_invalid',
    'filename_too_long',
    'digest_malformed',
    'digest_mismatch',
    'not_read',
    'files_refused',
    'not_multipart',
    'encoding_not_supported',
    'form_malformed',
    'form_too_large',
    'no_files',
    'too_many_files',
    'asset_type_missing',
    'asset_type_unknown',
    'asset_type_not_available',
    'field_missing',
    'field_malformed',
    'field_unknown',
    'field_repeated',
    'request_timeout',
    'request_stalled',
    'request_too_slow',
    'idempotency_key_malformed',
    'idempotency_key_reused',
    'request_in_flight',
    'unknown_user',
    'file_limit_reached',
    'parked_limit_reached',
    'storage_unavailable',
    'overloaded',
    'upload_share_exceeded',
    'upload_interrupted',
  ],
  'POST /api/uploads': ofOpening,
  'POST /api/uploads/{id}/parts': [
    ...ofUpload,
    ...ofSmallBody,
    'field_malformed',
    'part_number_invalid',
    'upload_closed',
    'upload_expired',
    'cancelled',
    'storage_unavailable',
  ],
  'GET /api/uploads/{id}/parts': [...ofUpload, 'upload_expired', 'cancelled', 'storage_unavailable'],
  'POST /api/uploads/{id}/complete': [
    ...ofUpload,
    ...ofSmallBody,
    'upload_incomplete',
    'upload_expired',
    'size_mismatch',
    'type_mismatch',
    'type_not_allowed',
    'cancelled',
    'storage_unavailable',
  ],
  'DELETE /api/uploads/{id}': [...ofUpload, ...ofSmallBody, 'already_completed', 'storage_unavailable'],
  'POST /api/uploads/sign': [
    ...ofOpening,
    'id_malformed',
    'capability_invalid',
    'upload_not_found',
    'part_number_invalid',
    'upload_closed',
    'upload_expired',
    'cancelled',
  ],
  'POST /api/pipeline/videos': [
    ...ofSmallBody,
    'field_malformed',
    'filename_invalid',
    'filename_too_long',
    'idempotency_key_malformed',
    'idempotency_key_reused',
    'upload_id_taken',
    'source_not_allowed',
    'source_not_found',
    'empty_file',
    'file_too_large',
    'extension_not_allowed',
    'type_not_allowed',
    'type_mismatch',
    'unknown_user',
    'storage_unavailable',
  ],
  'GET /api/jobs': ['id_malformed', 'too_many_ids', 'cursor_malformed'],
  'GET /api/jobs/events': ['id_malformed', 'too_many_ids', 'job_not_found', 'too_many_streams'],
  'GET /api/jobs/{id}': [...ofJob, 'capability_invalid', 'upload_not_found', 'upload_expired'],
  'DELETE /api/jobs/{id}': [...ofJob, ...ofSmallBody, 'already_completed', 'storage_unavailable'],
  'GET /api/jobs/{id}/events': [...ofJob, 'too_many_streams'],
  'POST /api/jobs/{id}/retry': [...ofSmallBody, 'id_malformed', 'job_not_found', 'not_parked'],
  'POST /api/jobs/{id}/release': [
    ...ofSmallBody,
    'id_malformed',
    'job_not_found',
    'not_parked',
    'already_completed',
    'storage_unavailable',
  ],
  'GET /api/assets': ['id_malformed', 'cursor_malformed'],
  'GET /api/assets/{id}': ofAsset,
  'GET /api/assets/{id}/presigned': ofAsset,
  'DELETE /api/assets/{id}': [...ofAsset, ...ofSmallBody, 'asset_in_use'],
  'PUT /api/brands/{id}/product-images': [...ofSmallBody, 'id_malformed', 'asset_repeated', 'assets_not_found', 'not_brand_images'],
  'GET /api/events': ['cursor_malformed', 'cursor_gone'],
  'GET /api/brands/{id}/product-images': ['id_malformed'],
}

/** Operations of S3's protocol, whose errors are in XML and have the same codes. */
export const inXml: ReadonlySet<string> = new Set([
  'POST /api/uploads/{id}/s3',
  'GET /api/uploads/{id}/s3',
  'POST /api/uploads/{id}/s3/complete',
])

const exampleId = '5b0c0c4e-8d0b-4b6a-9a2e-0d6f3c1f7a10'

/** Serialisation treats codes as strings; this schema lists them for clients. */
export const ErrorCodeSchema = {
  type: 'string',
  enum: errorCodes,
  description: 'Stable, for use by programs. Later versions may add codes; for an unknown one use the status',
}

/** Examples of errors by code, for the codes that some operation uses. */
export const errorExamples = (used: ReadonlySet<ErrorCode>): JsonObject =>
  Object.fromEntries(
    errorCodes
      .filter((code) => used.has(code))
      .map((code) => {
        const { error, detail } = exampleOf(code)
        return [code, { summary: `${errors[code].status} ${error}`, value: { error, detail, code, request_id: exampleId } }]
      }),
  )

const problem = { $ref: '#/components/schemas/Problem' }

/**
 * The error responses of an operation: one for each status, with an example of each of its codes, and one for all other statuses.
 *
 * @param operation such as `GET /api/jobs/{id}`
 */
export function errorResponses(operation: string, codes: readonly ErrorCode[], isLimited: boolean): Record<string, JsonObject> {
  if (inXml.has(operation)) return xmlErrors(operation, isLimited)
  const statuses = [...new Set(codes.map((code) => errors[code].status))].sort((a, b) => a - b)
  const responses: Record<string, JsonObject> = Object.fromEntries(
    statuses.map((status) => {
      const ofStatus = codes.filter((code) => errors[code].status === status)
      return [
        String(status),
        {
          description: [...new Set(ofStatus.map((code) => errors[code].title))].join('; '),
          headers: headersOf(operation, String(status), isLimited),
          content: {
            'application/json': {
              schema: problem,
              examples: Object.fromEntries(ofStatus.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
            },
          },
        },
      ]
    }),
  )
  const other = (description: string, status: string) => ({
    description,
    headers: headersOf(operation, status, isLimited),
    content: { 'application/json': { schema: problem } },
  })
  return { ...responses, '4XX': other('The request was refused', '4XX'), '5XX': other('A fault on our side', '5XX') }
}

function xmlErrors(operation: string, isLimited: boolean): Record<string, JsonObject> {
  const response = (description: string, status: string) => ({
    description,
    headers: headersOf(operation, status, isLimited),
    content: { [xmlType]: { schema: { type: 'string', description: 'An Error with Code, Message and RequestId' } } },
  })
  return {
    '401': response('The capability or token is missing or invalid', '401'),
    '429': response('Too many requests', '429'),
    '503': response('There is no result yet, or a server is unavailable: repeat the request', '503'),
    '4XX': response('The request was refused', '4XX'),
    '5XX': response('A fault on our side', '5XX'),
  }
}
