import { readableBytes } from './bytes.ts'
import { directErrors } from './direct-errors.ts'
import { type CatalogueEntry, list, shown, uploadErrors, visible } from './upload-errors.ts'

/** Every error a client can see: its code, status, title, and the sentence that names the file and the limit. */
export const errors = {
  ...uploadErrors,
  ...directErrors,

  // The caller
  token_missing: {
    status: 401,
    title: 'Token missing',
    detail: () => 'This route needs the header Authorization: Bearer <token>.',
  },
  token_malformed: {
    status: 401,
    title: 'Token malformed',
    detail: () => 'The token is not a JWT with the required claims: sub (a UUID) and exp.',
  },
  token_invalid: {
    status: 401,
    title: 'Token not accepted',
    detail: () => 'The token is not signed with a key and algorithm that Airlock accepts.',
  },
  token_not_for_access: {
    status: 401,
    title: 'Token of the wrong type',
    detail: () => 'The token is an ID token or a refresh token; send the access token.',
  },
  token_expired: {
    status: 401,
    title: 'Token expired',
    detail: () => 'The token has expired.',
  },
  capability_invalid: {
    status: 401,
    title: 'Capability not accepted',
    detail: () => 'The capability is not the one of this upload.',
  },
  scope_missing: {
    status: 403,
    title: 'Not permitted',
    detail: ({ scope }: { scope: string }) => `This route needs a token with the scope '${scope}'.`,
  },
  unknown_user: {
    status: 403,
    title: 'User unknown',
    detail: () => 'This user does not exist.',
  },

  // The requested resource
  route_not_found: {
    status: 404,
    title: 'Not found',
    detail: ({ method, path, meant = null }: { method: string; path: string; meant?: string | null }) =>
      `${method} ${shown(path)} does not exist${meant === null ? '' : `; use ${method} ${shown(meant)}, without the trailing slash`}.`,
  },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    detail: ({ method, path, allowed }: { method: string; path: string; allowed: readonly string[] }) =>
      `${shown(path)} does not support ${method}, only ${list(allowed)}.`,
  },
  id_malformed: {
    status: 400,
    title: 'Id malformed',
    detail: ({ id }: { id: string }) => `'${shown(id)}' is not a UUID.`,
  },
  source_not_allowed: {
    status: 403,
    title: 'Bucket not allowed',
    detail: ({ bucket }: { bucket: string }) => `Airlock may not take videos from bucket '${shown(bucket)}'.`,
  },
  source_not_found: {
    status: 404,
    title: 'Video not found',
    detail: ({ bucket, key }: { bucket: string; key: string }) =>
      `Bucket '${shown(bucket)}' has no object '${shown(key)}' that Airlock may read.`,
  },
  upload_id_taken: {
    status: 409,
    title: 'Upload id taken',
    detail: ({ id }: { id: string }) => `Upload id '${shown(id)}' is in use by an upload of another user, project or source.`,
  },
  upload_not_found: {
    status: 404,
    title: 'Upload not found',
    detail: ({ id }: { id: string }) => `Upload '${shown(id)}' does not exist.`,
  },
  job_not_found: {
    status: 404,
    title: 'Job not found',
    detail: ({ id }: { id: string }) => `Job '${shown(id)}' does not exist.`,
  },
  job_not_yours: {
    status: 403,
    title: 'Not your job',
    detail: ({ id }: { id: string }) => `Job '${shown(id)}' belongs to another user.`,
  },
  too_many_ids: {
    status: 400,
    title: 'Too many ids',
    detail: ({ limit }: { limit: number }) => `The query parameter 'ids' takes 1 to ${limit} ids, separated by commas.`,
  },
  already_completed: {
    status: 409,
    title: 'Already completed',
    detail: ({ id }: { id: string }) => `Job '${shown(id)}' is completed and can't be cancelled; its asset can be deleted.`,
  },
  not_parked: {
    status: 409,
    title: 'Not parked',
    detail: ({ id }: { id: string }) => `Job '${shown(id)}' has not failed, so it can be neither retried nor released.`,
  },
  too_many_streams: {
    status: 429,
    title: 'Too many event streams',
    detail: ({ limit }: { limit: number }) => `This user has ${limit} event streams open, the maximum.`,
  },
  asset_not_found: {
    status: 404,
    title: 'Asset not found',
    detail: ({ id }: { id: string }) => `Asset '${shown(id)}' does not exist.`,
  },
  asset_not_yours: {
    status: 403,
    title: 'Not your asset',
    detail: ({ id }: { id: string }) => `Asset '${shown(id)}' belongs to another user.`,
  },
  asset_in_use: {
    status: 409,
    title: 'Asset in use',
    detail: ({ id }: { id: string }) => `Asset '${shown(id)}' is used by a brand; with force=true it is removed from the brand first.`,
  },
  cursor_malformed: {
    status: 400,
    title: 'Cursor malformed',
    detail: ({ query, field }: { query: string; field: string }) =>
      `The query parameter '${shown(query)}' must be the ${shown(field)} of an earlier response, unchanged.`,
  },
  cursor_gone: {
    status: 410,
    title: 'Cursor no longer valid',
    detail: ({ reason, oldest }: { reason: string; oldest: string | null }) =>
      `${visible(reason)}. Without 'after' the feed starts at the oldest event that is kept${oldest === null ? '; there is none yet' : `, of ${shown(oldest)}`}.`,
  },
  asset_repeated: {
    status: 400,
    title: 'Asset repeated',
    detail: ({ id }: { id: string }) => `Asset '${shown(id)}' occurs more than once.`,
  },
  assets_not_found: {
    status: 404,
    title: 'Assets not found',
    detail: ({ ids }: { ids: readonly string[] }) => `You have no assets with these ids: ${list(ids)}.`,
  },
  not_brand_images: {
    status: 400,
    title: 'Not brand images',
    detail: ({ ids }: { ids: readonly string[] }) =>
      `A brand can only show assets of asset_type 'brand_image'; these are not: ${list(ids)}.`,
  },
  not_json: {
    status: 415,
    title: 'Not JSON',
    detail: () => 'This route requires a body of type application/json.',
  },

  files_refused: {
    status: 400,
    title: 'No file accepted',
    detail: ({ count }: { count: number }) => `None of the ${count} files was accepted; 'rejected' has the reason for each.`,
  },

  // Limits
  file_limit_reached: {
    status: 429,
    title: 'Too many files',
    detail: ({ filename, limit }: { filename: string; limit: number }) =>
      `File '${shown(filename)}' exceeds the limit of ${limit} files per user and hour.`,
  },
  upload_share_exceeded: {
    status: 429,
    title: 'Share of uploads exceeded',
    detail: ({ filename, limit, share }: { filename: string; limit: number; share: number }) =>
      `File '${shown(filename)}' was aborted while it arrived: this server receives ${limit} files at once, other users are waiting, and your share is ${share}. Please send it again in a moment, and fewer files at once.`,
  },
  parked_limit_reached: {
    status: 403,
    title: 'Too many failed uploads',
    detail: ({ filename, limitBytes }: { filename: string; limitBytes: number }) =>
      `File '${shown(filename)}' was not accepted: your failed uploads, which wait for our operators, hold ${readableBytes(limitBytes)} or more, the maximum for one user. Cancel some of them, or ask the operators.`,
  },
  open_uploads_limit_reached: {
    status: 429,
    title: 'Too many open uploads',
    detail: ({ filename, limit, limitBytes }: { filename: string; limit: number; limitBytes: number }) =>
      `File '${shown(filename)}' was not accepted: with it, your open uploads would exceed ${limit} files or ${readableBytes(limitBytes)}, the maximum for one user. Complete or abort some of them first.`,
  },
  too_many_requests: {
    status: 429,
    title: 'Too many requests',
    detail: ({ limit }: { limit: number }) => `More than ${limit} requests per minute.`,
  },

  // After acceptance
  cancelled: {
    status: 400,
    title: 'Cancelled',
    detail: ({ filename }: { filename: string }) => `The upload of '${shown(filename)}' was cancelled by its owner.`,
  },
  cancelled_by_operator: {
    status: 400,
    title: 'Cancelled',
    detail: ({ filename }: { filename: string }) => `The upload of '${shown(filename)}' was cancelled by an operator.`,
  },
  object_changed: {
    status: 400,
    title: 'File changed',
    detail: ({ filename }: { filename: string }) =>
      `The stored bytes of '${shown(filename)}' were changed after its upload was completed. Please upload it again.`,
  },
  upload_released: {
    status: 500,
    title: 'Processing failed',
    detail: ({ filename }: { filename: string }) =>
      `File '${shown(filename)}' could not be processed because of a fault on our side, and our operators have removed it. Please upload it again.`,
  },
  upload_vanished: {
    status: 500,
    title: 'Processing failed',
    detail: ({ filename }: { filename: string }) =>
      `The stored bytes of '${shown(filename)}' are not the ones that were accepted; please upload it again.`,
  },
  processing_failed: {
    status: 500,
    title: 'Processing failed',
    detail: ({ filename }: { filename: string }) =>
      `File '${shown(filename)}' could not be processed because of a fault on our side. It is kept, and our operators have been notified.`,
  },
  inspection_failed: {
    status: 500,
    title: 'Inspection failed',
    detail: ({ filename }: { filename: string }) =>
      `File '${shown(filename)}' could not be inspected: every attempt to read it failed. It is kept, and our operators have been notified.`,
  },

  // Our side
  storage_unavailable: {
    status: 503,
    title: 'Storage unavailable',
    detail: () => 'The object store is unavailable. Please try again later; nothing of this request was stored.',
  },
  database_unavailable: {
    status: 503,
    title: 'Database unavailable',
    detail: () => 'The database is unavailable. Please try again later; nothing of this request was stored.',
  },
  auth_unavailable: {
    status: 503,
    title: "Tokens can't be verified",
    detail: () => 'The server with the signing keys is unavailable, so your token could not be verified. Please try again later.',
  },
  overloaded: {
    status: 503,
    title: 'Too many uploads at once',
    detail: () => 'This server is receiving as many files as it can. Please try again in a moment.',
  },
  upload_interrupted: {
    status: 503,
    title: 'Upload interrupted',
    detail: ({ filename }: { filename: string }) => `File '${shown(filename)}' could not be accepted in time. Please upload it again.`,
  },
  shutting_down: {
    status: 503,
    title: 'Shutting down',
    detail: () => 'This server is shutting down. Please try again.',
  },
  internal_error: {
    status: 500,
    title: 'Internal error',
    detail: () => 'An error occurred on our side. Our operators can find it by the request id.',
  },
} as const satisfies Record<string, CatalogueEntry>

export type ErrorCode = keyof typeof errors

/** The parameters of an error's detail; an empty object where the detail takes none. */
export type ErrorParams<C extends ErrorCode> = Parameters<(typeof errors)[C]['detail']> extends [infer P] ? P : Record<string, never>

export const errorCodes = Object.keys(errors) as ErrorCode[]
