import { type Refusal, refusal } from './airlock-error.ts'
import { MiB } from './bytes.ts'
import type { ErrorCode, ErrorParams } from './errors.ts'

/** Sample parameters of the details, by name. */
const samples: Readonly<Record<string, unknown>> = {
  filename: 'logo.png',
  type: 'image/gif',
  declared: 'video/mp4',
  claimed: 'PNG',
  found: 'JPEG',
  value: 'poster',
  field: 'project_id',
  path: '/api/upload',
  id: '0198c0de-0000-7000-8000-000000000001',
  ids: ['0198c0de-0000-7000-8000-000000000001', '0198c0de-0000-7000-8000-000000000002'],
  reason: 'it is truncated',
  allowed: ['image/jpeg', 'image/png', 'image/webp'],
  expected: 'a UUID',
  assetType: 'generated_video',
  method: 'GET',
  scope: 'ops',
  query: 'cursor',
  oldest: '2026-10-26T07:53:16.000Z',
  entry: 'photos/1.png',
  where: 'its metadata',
  limit: 10,
  share: 6,
  limitBytes: 10 * MiB,
  limitPixels: 100_000_000,
  pixels: 123_456_789,
  frames: 1001,
  seconds: 30,
  minBytesPerSecond: 1024,
  count: 2,
  stoppedAt: 'poster.psd',
  parameter: 'expires',
  encoding: 'gzip',
  expectation: 'a-miracle',
  bucket: 'zapcut-renders',
  key: 'project-7/final cut.mp4',
  missing: [2, 5],
  declaredBytes: 4321,
  storedBytes: 4320,
  signer: 'Example Studio',
}

/** Samples for errors that need another one than above. */
const overrides: { readonly [C in ErrorCode]?: Partial<ErrorParams<C>> } = {
  extension_not_allowed: { filename: 'logo.gif', allowed: ['jpg', 'jpeg', 'png', 'webp'] },
  type_not_allowed: { filename: 'logo.gif' },
  type_mismatch: { found: 'GIF' },
  filename_invalid: { filename: '..', reason: 'it has only dots' },
  filename_too_long: { limit: 255 },
  form_too_large: { limitBytes: 20_484 * MiB },
  asset_type_missing: { allowed: ['brand_image', 'generated_video', 'lora_training'] },
  asset_type_unknown: { allowed: ['brand_image', 'generated_video', 'lora_training'] },
  asset_type_not_available: { value: 'lora_training' },
  field_unknown: { field: 'colour', allowed: ['files', 'file', 'asset_type', 'project_id', 'brand_id', 'metadata'] },
  request_malformed: { reason: 'querystring/expiration_hours must be <= 168' },
  request_timeout: { seconds: 3600 },
  form_malformed: { isBoundaryMissing: false },
  query_unknown: { allowed: ['expiration_hours', 'disposition'] },
  route_not_found: { path: '/api/nothing', meant: null },
  method_not_allowed: { allowed: ['POST'] },
  too_many_ids: { limit: 100 },
  too_many_streams: { limit: 20 },
  id_malformed: { id: 'logo.png' },
  cursor_malformed: { field: 'next_cursor' },
  cursor_gone: { reason: 'Events after this cursor are no longer kept' },
  file_limit_reached: { limit: 100 },
  open_uploads_limit_reached: { limit: 100, limitBytes: 64 * 1024 * MiB },
  part_number_invalid: { filename: 'scene.mp4', count: 126 },
  upload_incomplete: { filename: 'scene.mp4' },
  parked_limit_reached: { limitBytes: 10 * 1024 * MiB },
  too_many_requests: { limit: 6000 },
  upload_share_exceeded: { limit: 64 },
  trailing_data: { reason: 'there is other content at byte 8137: ZIP' },
  file_too_complex: { reason: 'inspecting it takes more than 20 s of CPU time' },
  provenance_missing: { reason: 'it has none' },
  provenance_invalid: { reason: 'they do not cover all of its bytes' },
  suspicious_content: { found: 'PHP code' },
  archive_not_allowed: { filename: 'set.zip', reason: "the entry 'more.zip' is a nested archive" },
  archive_entry_rejected: { filename: 'set.zip', reason: "File 'photos/1.png' has 0 bytes." },
  too_many_frames: { filename: 'badge.webp', limit: 1000 },
}

/**
 * An error as a client might get it, about invented files: for documentation and API descriptions.
 *
 * @throws Error when the detail takes a parameter that has no sample here
 */
export function exampleOf(code: ErrorCode): Refusal {
  const params = new Proxy({ ...samples, ...overrides[code] } as Record<string, unknown>, {
    get(given, name: string) {
      if (name in given) return given[name]
      throw new Error(`the detail of '${code}' takes '${name}', which has no sample in error-examples.ts`)
    },
  })
  return refusal(code, params as never)
}
