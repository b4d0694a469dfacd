import { readableBytes } from './bytes.ts'

interface CatalogueEntry {
  status: number
  title: string
  // biome-ignore lint/suspicious/noExplicitAny: each row has parameters of its own; ErrorParams below gives them back their types
  detail: (params: any) => string
}

const list = (values: readonly string[]): string => values.join(', ')

const megapixels = (pixels: number): string => (pixels / 1_000_000).toFixed(1).replace(/\.0$/, '')

/** A text without characters that would break a line or a terminal, or turn round the words behind it (Unicode Annex 9, explicit directions). */
const visible = (text: string): string => text.toWellFormed().replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, '\u{fffd}')

/** A name in a sentence: bounded, and without characters that would break a line or a terminal. */
function shown(filename: string): string {
  const characters = [...visible(filename)]
  return characters.length > 80 ? `${characters.slice(0, 77).join('')}…` : characters.join('')
}

/** Every error a client can see: its code, status, title, and the sentence that names the file and the limit. */
export const errors = {
  // The file
  empty_file: {
    status: 400,
    title: 'Empty file',
    detail: ({ filename }: { filename: string }) => `File '${shown(filename)}' has 0 bytes.`,
  },
  file_too_large: {
    status: 413,
    title: 'File too large',
    detail: ({ filename, limitBytes }: { filename: string; limitBytes: number }) =>
      `File '${shown(filename)}' is larger than ${readableBytes(limitBytes)}, the maximum for its kind.`,
  },
  extension_not_allowed: {
    status: 400,
    title: 'File extension not allowed',
    detail: ({ filename, allowed }: { filename: string; allowed: readonly string[] }) =>
      `File '${shown(filename)}' must have one of these extensions: ${list(allowed)}.`,
  },
  type_not_allowed: {
    status: 400,
    title: 'File type not allowed',
    detail: ({ filename, type, allowed }: { filename: string; type: string; allowed: readonly string[] }) =>
      `File '${shown(filename)}' is ${shown(type)}; allowed here: ${list(allowed)}.`,
  },
  extension_mismatch: {
    status: 400,
    title: 'Extension and declared type disagree',
    detail: ({ filename, declared }: { filename: string; declared: string }) =>
      `File '${shown(filename)}' is declared as ${shown(declared)}, which its extension does not stand for.`,
  },
  type_mismatch: {
    status: 400,
    title: 'Content is not what it claims to be',
    detail: ({ filename, claimed, found }: { filename: string; claimed: string; found: string }) =>
      `File '${shown(filename)}' claims to be ${shown(claimed)}, but its content is ${found}.`,
  },
  filename_invalid: {
    status: 400,
    title: 'File name not usable',
    detail: ({ filename, reason }: { filename: string; reason: string }) => `File name '${shown(filename)}' can't be used: ${reason}.`,
  },
  filename_too_long: {
    status: 400,
    title: 'File name too long',
    detail: ({ filename, limit }: { filename: string; limit: number }) =>
      `File name '${shown(filename)}' has more than ${limit} characters, the maximum.`,
  },
  file_corrupt: {
    status: 400,
    title: 'File is damaged',
    detail: ({ filename, reason }: { filename: string; reason: string }) => `File '${shown(filename)}' can't be read: ${reason}.`,
  },
  too_many_pixels: {
    status: 400,
    title: 'Too many pixels',
    detail: ({ filename, pixels, limitPixels }: { filename: string; pixels: number; limitPixels: number }) =>
      `File '${shown(filename)}' has ${megapixels(pixels)} megapixels in all its frames; the maximum is ${megapixels(limitPixels)}.`,
  },
  too_many_frames: {
    status: 400,
    title: 'Too many frames',
    detail: ({ filename, frames, limit }: { filename: string; frames: number; limit: number }) =>
      `File '${shown(filename)}' has ${frames} frames; the maximum is ${limit}.`,
  },
  file_too_complex: {
    status: 400,
    title: 'File is too complex',
    detail: ({ filename, reason }: { filename: string; reason: string }) =>
      `File '${shown(filename)}' can't be inspected: ${visible(reason)}.`,
  },
  digest_mismatch: {
    status: 400,
    title: 'Digest does not match',
    detail: ({ filename }: { filename: string }) => `File '${shown(filename)}' has another SHA-256 than its sender announced.`,
  },
  digest_malformed: {
    status: 400,
    title: 'Digest malformed',
    detail: ({ filename }: { filename: string }) =>
      `The Content-Digest of file '${shown(filename)}' must be sha-256=:…: with 32 bytes in base64 (RFC 9530).`,
  },
  trailing_data: {
    status: 400,
    title: 'More than one file in it',
    detail: ({ filename, reason }: { filename: string; reason: string }) =>
      `File '${shown(filename)}' goes on behind its own end: ${visible(reason)}.`,
  },
  suspicious_content: {
    status: 400,
    title: 'Suspicious content',
    detail: ({ filename, found, where }: { filename: string; found: string; where: string }) =>
      `File '${shown(filename)}' holds what other programs could run or read as theirs: ${visible(found)} in ${visible(where)}.`,
  },
  archive_not_allowed: {
    status: 400,
    title: 'Archive not acceptable',
    detail: ({ filename, reason }: { filename: string; reason: string }) =>
      `File '${shown(filename)}' can't be taken as a training set: ${visible(reason)}.`,
  },
  archive_entry_rejected: {
    status: 400,
    title: 'A file in the archive is not acceptable',
    detail: ({ filename, entry, reason }: { filename: string; entry: string; reason: string }) =>
      `File '${shown(filename)}' can't be taken as a training set because of '${shown(entry)}' in it: ${visible(reason)}`,
  },
  not_read: {
    status: 400,
    title: 'Form was not read to its end',
    detail: ({ filename, stoppedAt }: { filename: string | null; stoppedAt: string }) =>
      filename === null
        ? `Any file behind '${shown(stoppedAt)}' was not read, because Airlock stopped reading within that refused file. Send them again without it.`
        : `File '${shown(filename)}' was not taken in, because Airlock stopped reading within the refused file '${shown(stoppedAt)}'. Send it again without that one.`,
  },

  // The form
  not_multipart: {
    status: 415,
    title: 'Not a multipart form',
    detail: () => 'Uploads are sent as multipart/form-data.',
  },
  form_malformed: {
    status: 400,
    title: 'Form is malformed',
    detail: ({ isBoundaryMissing = false }: { isBoundaryMissing?: boolean }) =>
      isBoundaryMissing
        ? 'The header Content-Type names no boundary, so the form can not be read. Leave that header to your HTTP client, which knows the boundary.'
        : 'The multipart body is malformed or ends too early; nothing of it was accepted.',
  },
  form_too_large: {
    status: 413,
    title: 'Request too large',
    detail: ({ limitBytes }: { limitBytes: number }) =>
      `The request is larger than ${readableBytes(limitBytes)}, the maximum for one form.`,
  },
  no_files: {
    status: 400,
    title: 'No files',
    detail: ({ limit }: { limit: number }) => `The form holds no file in the field 'files'; it takes 1 to ${limit}.`,
  },
  too_many_files: {
    status: 400,
    title: 'Too many files',
    detail: ({ limit }: { limit: number }) => `The form holds more than ${limit} files, the maximum; nothing of it was accepted.`,
  },
  asset_type_missing: {
    status: 400,
    title: 'Asset type missing',
    detail: ({ allowed }: { allowed: readonly string[] }) => `The form needs the field 'asset_type': ${list(allowed)}.`,
  },
  asset_type_unknown: {
    status: 400,
    title: 'Asset type unknown',
    detail: ({ value, allowed }: { value: string; allowed: readonly string[] }) =>
      `'${shown(value)}' is no asset_type; there are: ${list(allowed)}.`,
  },
  asset_type_not_available: {
    status: 400,
    title: 'Asset type not available',
    detail: ({ value }: { value: string }) => `Files of asset_type '${shown(value)}' can't be taken in yet.`,
  },
  field_missing: {
    status: 400,
    title: 'Field missing',
    detail: ({ field, assetType }: { field: string; assetType: string }) =>
      `The form needs the field '${shown(field)}' for asset_type '${assetType}'.`,
  },
  field_malformed: {
    status: 400,
    title: 'Field malformed',
    detail: ({ field, expected }: { field: string; expected: string }) => `The field '${shown(field)}' must be ${expected}.`,
  },
  field_unknown: {
    status: 400,
    title: 'Field unknown',
    detail: ({ field, allowed }: { field: string; allowed: readonly string[] }) =>
      `The form has no field '${shown(field)}'; it takes: ${list(allowed)}.`,
  },
  field_repeated: {
    status: 400,
    title: 'Field given twice',
    detail: ({ field }: { field: string }) => `The field '${shown(field)}' is given more than once.`,
  },
  request_malformed: {
    status: 400,
    title: 'Request malformed',
    detail: ({ reason }: { reason: string }) => `The request is malformed: ${shown(reason)}.`,
  },
  query_unknown: {
    status: 400,
    title: 'Query parameter unknown',
    detail: ({ parameter, allowed }: { parameter: string; allowed: readonly string[] }) =>
      allowed.length === 0
        ? `This route has no query parameter '${shown(parameter)}'; it takes none.`
        : `This route has no query parameter '${shown(parameter)}'; it takes: ${list(allowed)}.`,
  },
  encoding_not_supported: {
    status: 415,
    title: 'Encoding not supported',
    detail: ({ encoding }: { encoding: string }) =>
      `The body is sent with Content-Encoding '${shown(encoding)}'; send it as it is, without that header.`,
  },
  expectation_failed: {
    status: 417,
    title: 'Expectation failed',
    detail: ({ expectation }: { expectation: string }) =>
      `Airlock does not know the expectation '${shown(expectation)}', only 100-continue.`,
  },
  headers_too_large: {
    status: 431,
    title: 'Headers too large',
    detail: () => 'The headers of the request are larger than 16 KiB, the maximum.',
  },
  headers_too_slow: {
    status: 408,
    title: 'Headers too slow',
    detail: () => 'The headers of the request took longer than 20 seconds.',
  },
  request_timeout: {
    status: 408,
    title: 'Request took too long',
    detail: ({ seconds }: { seconds: number }) => `The request was not complete after ${seconds} seconds; nothing of it was accepted.`,
  },
  request_stalled: {
    status: 408,
    title: 'Request stalled',
    detail: ({ seconds }: { seconds: number }) => `No byte arrived for ${seconds} seconds; nothing of the request was accepted.`,
  },
  request_too_slow: {
    status: 408,
    title: 'Request too slow',
    detail: ({ minBytesPerSecond }: { minBytesPerSecond: number }) =>
      `The request arrived with less than ${minBytesPerSecond} bytes per second over a minute; nothing of it was accepted.`,
  },
  idempotency_key_malformed: {
    status: 400,
    title: 'Idempotency-Key malformed',
    detail: () => 'The header Idempotency-Key takes 1 to 255 visible ASCII characters.',
  },
  idempotency_key_reused: {
    status: 422,
    title: 'Idempotency-Key reused',
    detail: () => 'This Idempotency-Key belongs to an earlier request with another body; a new request needs a new key.',
  },
  request_in_flight: {
    status: 409,
    title: 'Request in flight',
    detail: () => 'The first request with this Idempotency-Key is still being worked on.',
  },

  // The caller
  token_missing: {
    status: 401,
    title: 'Token missing',
    detail: () => 'This route needs the header Authorization: Bearer <token>.',
  },
  token_malformed: {
    status: 401,
    title: 'Token malformed',
    detail: () => 'The token is no JWT with the claims that Airlock needs: a UUID as sub, and exp.',
  },
  token_invalid: {
    status: 401,
    title: 'Token not accepted',
    detail: () => 'The token is not signed by a key and algorithm that Airlock accepts.',
  },
  token_not_for_access: {
    status: 401,
    title: 'Token of the wrong type',
    detail: () => 'The token is an ID token or a refresh token: send the access token.',
  },
  token_expired: {
    status: 401,
    title: 'Token expired',
    detail: () => 'The token has expired.',
  },
  scope_missing: {
    status: 403,
    title: 'Not permitted',
    detail: ({ scope }: { scope: string }) => `This route needs a token with the scope '${scope}'.`,
  },
  unknown_user: {
    status: 403,
    title: 'User unknown',
    detail: () => 'There is no such user.',
  },

  // What is asked for
  route_not_found: {
    status: 404,
    title: 'Not found',
    detail: ({ method, path, meant = null }: { method: string; path: string; meant?: string | null }) =>
      `There is no ${method} ${shown(path)}${meant === null ? '' : `; there is ${method} ${shown(meant)}, without the slash at its end`}.`,
  },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    detail: ({ method, path, allowed }: { method: string; path: string; allowed: readonly string[] }) =>
      `${shown(path)} does not answer to ${method}, only to ${list(allowed)}.`,
  },
  id_malformed: {
    status: 400,
    title: 'Id malformed',
    detail: ({ id }: { id: string }) => `'${shown(id)}' is no UUID.`,
  },
  source_not_allowed: {
    status: 403,
    title: 'Bucket not allowed',
    detail: ({ bucket }: { bucket: string }) => `Videos are not fetched from bucket '${shown(bucket)}'.`,
  },
  source_not_found: {
    status: 404,
    title: 'Video not found',
    detail: ({ bucket, key }: { bucket: string; key: string }) =>
      `There is nothing at '${shown(key)}' in bucket '${shown(bucket)}' that Airlock may read.`,
  },
  upload_id_taken: {
    status: 409,
    title: 'Upload id taken',
    detail: ({ id }: { id: string }) => `Upload '${shown(id)}' is another one: of another user, project or source.`,
  },
  job_not_found: {
    status: 404,
    title: 'Job not found',
    detail: ({ id }: { id: string }) => `There is no job '${shown(id)}'.`,
  },
  job_not_yours: {
    status: 403,
    title: 'Not your job',
    detail: ({ id }: { id: string }) => `Job '${shown(id)}' belongs to another user.`,
  },
  too_many_ids: {
    status: 400,
    title: 'Too many ids',
    detail: ({ limit }: { limit: number }) => `The query 'ids' takes 1 to ${limit} ids, separated by commas.`,
  },
  already_completed: {
    status: 409,
    title: 'Already completed',
    detail: ({ id }: { id: string }) => `Job '${shown(id)}' is completed and can't be cancelled; its asset can be deleted.`,
  },
  not_parked: {
    status: 409,
    title: 'Not parked',
    detail: ({ id }: { id: string }) => `Job '${shown(id)}' has not failed, so there is nothing to retry.`,
  },
  too_many_streams: {
    status: 429,
    title: 'Too many event streams',
    detail: ({ limit }: { limit: number }) => `More than ${limit} event streams are open for this user.`,
  },
  asset_not_found: {
    status: 404,
    title: 'Asset not found',
    detail: ({ id }: { id: string }) => `There is no asset '${shown(id)}'.`,
  },
  asset_not_yours: {
    status: 403,
    title: 'Not your asset',
    detail: ({ id }: { id: string }) => `Asset '${shown(id)}' belongs to another user.`,
  },
  asset_in_use: {
    status: 409,
    title: 'Asset in use',
    detail: ({ id }: { id: string }) => `Asset '${shown(id)}' is shown by a brand; with force=true it is taken out there first.`,
  },
  cursor_malformed: {
    status: 400,
    title: 'Cursor malformed',
    detail: ({ query, field }: { query: string; field: string }) =>
      `The query '${shown(query)}' takes what an answer gave as ${shown(field)}, unchanged.`,
  },
  cursor_gone: {
    status: 410,
    title: 'The feed does not go on there',
    detail: ({ reason, oldest }: { reason: string; oldest: string | null }) =>
      `${visible(reason)}. Without 'after' the feed begins with the oldest event that is kept${oldest === null ? '; there is none yet' : `, of ${shown(oldest)}`}.`,
  },
  asset_repeated: {
    status: 400,
    title: 'Asset given twice',
    detail: ({ id }: { id: string }) => `Asset '${shown(id)}' is given more than once.`,
  },
  assets_not_found: {
    status: 404,
    title: 'Assets not found',
    detail: ({ ids }: { ids: readonly string[] }) => `You have no such assets: ${list(ids)}.`,
  },
  not_brand_images: {
    status: 400,
    title: 'Not brand images',
    detail: ({ ids }: { ids: readonly string[] }) => `A brand shows assets of asset_type 'brand_image' only; these are none: ${list(ids)}.`,
  },
  not_json: {
    status: 415,
    title: 'Not JSON',
    detail: () => 'This route takes application/json.',
  },

  files_refused: {
    status: 400,
    title: 'No file accepted',
    detail: ({ count }: { count: number }) => `None of the ${count} files was accepted, each for a reason of its own; see 'rejected'.`,
  },

  // Limits
  file_limit_reached: {
    status: 429,
    title: 'Too many files',
    detail: ({ filename, limit }: { filename: string; limit: number }) =>
      `File '${shown(filename)}' is beyond the ${limit} files that one user may upload in an hour.`,
  },
  upload_share_exceeded: {
    status: 429,
    title: 'Upload ended for others',
    detail: ({ filename, limit, share }: { filename: string; limit: number; share: number }) =>
      `File '${shown(filename)}' was ended while it arrived: this server takes in ${limit} files at once, other users wait, and your share is ${share}. Please send it again in a moment, and fewer at once.`,
  },
  parked_limit_reached: {
    status: 403,
    title: 'Too much waits for our operators',
    detail: ({ filename, limitBytes }: { filename: string; limitBytes: number }) =>
      `File '${shown(filename)}' was not taken in: failed uploads of yours wait for our operators, with ${readableBytes(limitBytes)} or more, the maximum for one user. Cancel some of them, or ask the operators.`,
  },
  too_many_requests: {
    status: 429,
    title: 'Too many requests',
    detail: ({ limit }: { limit: number }) => `More than ${limit} requests in a minute.`,
  },

  // After acceptance
  cancelled: {
    status: 400,
    title: 'Cancelled',
    detail: ({ filename }: { filename: string }) => `The upload of '${shown(filename)}' was cancelled by its owner.`,
  },
  upload_vanished: {
    status: 500,
    title: 'File lost its way',
    detail: ({ filename }: { filename: string }) =>
      `The bytes of '${shown(filename)}' are not the ones that were accepted; please upload it again.`,
  },
  processing_failed: {
    status: 500,
    title: 'Processing failed',
    detail: ({ filename }: { filename: string }) =>
      `File '${shown(filename)}' could not be processed for a fault on our side. It is kept, and our operators have been told.`,
  },
  inspection_failed: {
    status: 500,
    title: 'Inspection failed',
    detail: ({ filename }: { filename: string }) =>
      `File '${shown(filename)}' could not be inspected: reading it failed each time. It is kept, and our operators have been told.`,
  },

  // Our side
  storage_unavailable: {
    status: 503,
    title: 'Storage unavailable',
    detail: () => 'The object store is out of reach. Please try again later; nothing of this request was kept.',
  },
  database_unavailable: {
    status: 503,
    title: 'Database unavailable',
    detail: () => 'The database is out of reach. Please try again later; nothing of this request was kept.',
  },
  auth_unavailable: {
    status: 503,
    title: 'Tokens can not be checked',
    detail: () => 'The server with the keys for tokens is out of reach, so your token could not be checked. Please try again later.',
  },
  overloaded: {
    status: 503,
    title: 'Too many uploads at once',
    detail: () => 'This server is taking in as many files as it can. Please try again in a moment.',
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
    detail: () => 'Something went wrong on our side. The request id leads our operators to it.',
  },
} as const satisfies Record<string, CatalogueEntry>

export type ErrorCode = keyof typeof errors

/** What the detail of an error needs to be told. `void` for those that need nothing. */
export type ErrorParams<C extends ErrorCode> = Parameters<(typeof errors)[C]['detail']> extends [infer P] ? P : Record<string, never>

export const errorCodes = Object.keys(errors) as ErrorCode[]
