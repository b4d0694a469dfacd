import { readableBytes } from './bytes.ts'

/** A row of the catalogue. */
export interface CatalogueEntry {
  status: number
  title: string
  // biome-ignore lint/suspicious/noExplicitAny: each row has its own parameters; ErrorParams restores their types
  detail: (params: any) => string
}

export const list = (values: readonly string[]): string => values.join(', ')

const megapixels = (pixels: number): string => (pixels / 1_000_000).toFixed(1).replace(/\.0$/, '')

/** Replaces characters that break a line or a terminal, or reverse the text after them (Unicode Annex 9, explicit directions). */
export const visible = (text: string): string => text.toWellFormed().replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, '\u{fffd}')

/** A client's text for use in a sentence: `visible`, and at most 78 characters long. */
export function shown(filename: string): string {
  const characters = [...visible(filename)]
  return characters.length > 80 ? `${characters.slice(0, 77).join('')}…` : characters.join('')
}

/** The errors of files and forms. */
export const uploadErrors = {
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
      `File '${shown(filename)}' is ${shown(type)}; allowed: ${list(allowed)}.`,
  },
  extension_mismatch: {
    status: 400,
    title: 'Extension and declared type disagree',
    detail: ({ filename, declared }: { filename: string; declared: string }) =>
      `File '${shown(filename)}' is declared as ${shown(declared)}, which does not match its extension.`,
  },
  type_mismatch: {
    status: 400,
    title: 'Content does not match the claimed type',
    detail: ({ filename, claimed, found }: { filename: string; claimed: string; found: string }) =>
      `File '${shown(filename)}' claims to be ${shown(claimed)}, but its content is ${found}.`,
  },
  filename_invalid: {
    status: 400,
    title: 'File name invalid',
    detail: ({ filename, reason }: { filename: string; reason: string }) => `File name '${shown(filename)}' is invalid: ${reason}.`,
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
    detail: ({ filename }: { filename: string }) =>
      `The SHA-256 of file '${shown(filename)}' does not match the one that its sender declared.`,
  },
  digest_malformed: {
    status: 400,
    title: 'Digest malformed',
    detail: ({ filename }: { filename: string }) =>
      `The Content-Digest of file '${shown(filename)}' must be sha-256=:…: with 32 bytes in base64 (RFC 9530).`,
  },
  trailing_data: {
    status: 400,
    title: 'Data after the end of the file',
    detail: ({ filename, reason }: { filename: string; reason: string }) =>
      `File '${shown(filename)}' continues after its end: ${visible(reason)}.`,
  },
  suspicious_content: {
    status: 400,
    title: 'Suspicious content',
    detail: ({ filename, found, where }: { filename: string; found: string; where: string }) =>
      `File '${shown(filename)}' contains data that other programs could execute or interpret: ${visible(found)} in ${visible(where)}.`,
  },
  provenance_missing: {
    status: 400,
    title: 'Content credentials missing',
    detail: ({ filename, reason }: { filename: string; reason: string }) =>
      `File '${shown(filename)}' must have content credentials (C2PA): ${reason}.`,
  },
  provenance_invalid: {
    status: 400,
    title: 'Content credentials invalid',
    detail: ({ filename, reason }: { filename: string; reason: string }) =>
      `The content credentials (C2PA) of file '${shown(filename)}' are not valid: ${reason}.`,
  },
  provenance_untrusted: {
    status: 400,
    title: 'Content credentials not trusted',
    detail: ({ filename, signer }: { filename: string; signer: string | null }) =>
      `The content credentials (C2PA) of file '${shown(filename)}' are valid, but their signer${signer === null ? '' : `, '${shown(signer)}',`} is not one that this service trusts.`,
  },
  archive_not_allowed: {
    status: 400,
    title: 'Archive not accepted',
    detail: ({ filename, reason }: { filename: string; reason: string }) =>
      `File '${shown(filename)}' can't be used as a training set: ${visible(reason)}.`,
  },
  archive_entry_rejected: {
    status: 400,
    title: 'File in the archive not accepted',
    detail: ({ filename, entry, reason }: { filename: string; entry: string; reason: string }) =>
      `File '${shown(filename)}' can't be used as a training set because of its entry '${shown(entry)}': ${visible(reason)}`,
  },
  not_read: {
    status: 400,
    title: 'Form not read to the end',
    detail: ({ filename, stoppedAt }: { filename: string | null; stoppedAt: string }) =>
      filename === null
        ? `Files after '${shown(stoppedAt)}', if any, were not read, because Airlock stopped reading in that refused file. Send them again without it.`
        : `File '${shown(filename)}' was not accepted, because Airlock stopped reading in the refused file '${shown(stoppedAt)}'. Send it again without that file.`,
  },

  // The form
  not_multipart: {
    status: 415,
    title: 'Not a multipart form',
    detail: () => 'Uploads must be sent as multipart/form-data.',
  },
  form_malformed: {
    status: 400,
    title: 'Form is malformed',
    detail: ({ isBoundaryMissing = false }: { isBoundaryMissing?: boolean }) =>
      isBoundaryMissing
        ? "The Content-Type header has no boundary, so the form can't be read. Let your HTTP client set this header: it knows the boundary."
        : 'The multipart body is malformed or truncated; none of it was accepted.',
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
    detail: ({ limit }: { limit: number }) => `The form has no file in the fields 'files' or 'file'; it takes 1 to ${limit}.`,
  },
  too_many_files: {
    status: 400,
    title: 'Too many files',
    detail: ({ limit }: { limit: number }) => `The form has more than ${limit} files, the maximum; none of them was accepted.`,
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
      `'${shown(value)}' is not an asset_type; allowed: ${list(allowed)}.`,
  },
  asset_type_not_available: {
    status: 400,
    title: 'Asset type not available',
    detail: ({ value }: { value: string }) => `Files of asset_type '${shown(value)}' can't be uploaded yet.`,
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
      `The field '${shown(field)}' is unknown; allowed: ${list(allowed)}.`,
  },
  field_repeated: {
    status: 400,
    title: 'Field repeated',
    detail: ({ field }: { field: string }) => `The field '${shown(field)}' occurs more than once.`,
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
        ? `The query parameter '${shown(parameter)}' is unknown; this route takes none.`
        : `The query parameter '${shown(parameter)}' is unknown; allowed: ${list(allowed)}.`,
  },
  encoding_not_supported: {
    status: 415,
    title: 'Encoding not supported',
    detail: ({ encoding }: { encoding: string }) =>
      `Content-Encoding '${shown(encoding)}' is not supported; send the body unencoded, without this header.`,
  },
  expectation_failed: {
    status: 417,
    title: 'Expectation failed',
    detail: ({ expectation }: { expectation: string }) => `The expectation '${shown(expectation)}' is not supported, only 100-continue.`,
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
    detail: ({ seconds }: { seconds: number }) => `The request was not complete after ${seconds} seconds; none of it was accepted.`,
  },
  request_stalled: {
    status: 408,
    title: 'Request stalled',
    detail: ({ seconds }: { seconds: number }) => `No data arrived for ${seconds} seconds; none of the request was accepted.`,
  },
  request_too_slow: {
    status: 408,
    title: 'Request too slow',
    detail: ({ minBytesPerSecond }: { minBytesPerSecond: number }) =>
      `The request arrived at less than ${minBytesPerSecond} bytes per second over a minute; none of it was accepted.`,
  },
  idempotency_key_malformed: {
    status: 400,
    title: 'Idempotency-Key malformed',
    detail: () => 'The Idempotency-Key header must have 1 to 255 visible ASCII characters.',
  },
  idempotency_key_reused: {
    status: 422,
    title: 'Idempotency-Key reused',
    detail: () => 'This Idempotency-Key was used by an earlier request with a different body; use a new key for a new request.',
  },
  request_in_flight: {
    status: 409,
    title: 'Request in progress',
    detail: () => 'The first request with this Idempotency-Key is still in progress.',
  },
} as const satisfies Record<string, CatalogueEntry>
