import type { ErrorCode } from '@airlock/domain'

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
const ofAsset: readonly ErrorCode[] = ['id_malformed', 'asset_not_found', 'asset_not_yours']

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
  'GET /api/jobs/{id}': ofJob,
  'DELETE /api/jobs/{id}': [...ofJob, ...ofSmallBody, 'already_completed'],
  'GET /api/jobs/{id}/events': [...ofJob, 'too_many_streams'],
  'POST /api/jobs/{id}/retry': [...ofSmallBody, 'id_malformed', 'job_not_found', 'not_parked'],
  'GET /api/assets': ['id_malformed', 'cursor_malformed'],
  'GET /api/assets/{id}': ofAsset,
  'GET /api/assets/{id}/presigned': ofAsset,
  'DELETE /api/assets/{id}': [...ofAsset, ...ofSmallBody, 'asset_in_use'],
  'PUT /api/brands/{id}/product-images': [...ofSmallBody, 'id_malformed', 'asset_repeated', 'assets_not_found', 'not_brand_images'],
  'GET /api/events': ['cursor_malformed', 'cursor_gone'],
  'GET /api/brands/{id}/product-images': ['id_malformed'],
}
