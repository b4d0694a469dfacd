/** Response headers in the document. */
export const responseHeaders = {
  'X-Request-Id': { description: "The request's id in Airlock's logs: the one you sent, if any", schema: { type: 'string' } },
  'Retry-After': { description: 'How long to wait before repeating the request, in seconds', schema: { type: 'integer', minimum: 0 } },
  RateLimit: {
    description: 'The remaining quota, and when it is reset (draft-ietf-httpapi-ratelimit-headers)',
    schema: { type: 'string', examples: ['"requests-per-minute";r=5999;t=60'] },
  },
  'RateLimit-Policy': {
    description: 'The quota and its time window',
    schema: { type: 'string', examples: ['"requests-per-minute";q=6000;w=60'] },
  },
  'WWW-Authenticate': { description: 'How to authenticate', schema: { type: 'string', examples: ['Bearer'] } },
  'Preference-Applied': { description: 'The maximum wait that was applied (RFC 7240)', schema: { type: 'string', examples: ['wait=10'] } },
  'Idempotent-Replayed': {
    description: 'Present if an earlier request with the same key or upload_id was already accepted',
    schema: { type: 'string', enum: ['true'] },
  },
} as const

type HeaderName = keyof typeof responseHeaders

/** Additional headers by operation and status. */
const ofOperation: Readonly<Record<string, Readonly<Record<string, readonly HeaderName[]>>>> = {
  'POST /api/upload': {
    200: ['Retry-After', 'Preference-Applied', 'Idempotent-Replayed'],
    202: ['Retry-After', 'Preference-Applied', 'Idempotent-Replayed'],
    400: ['Retry-After'],
    409: ['Retry-After'],
  },
  'POST /api/uploads': { 201: ['Retry-After'], 400: ['Retry-After'] },
  'POST /api/uploads/sign': { 400: ['Retry-After'] },
  'POST /api/uploads/{id}/complete': { 200: ['Preference-Applied'], 202: ['Preference-Applied'] },
  'POST /api/pipeline/videos': { 202: ['Idempotent-Replayed'] },
  'GET /api/jobs': { 200: ['Retry-After'] },
  'GET /api/jobs/{id}': { 200: ['Retry-After'] },
}

const ofStatus: Readonly<Record<string, readonly HeaderName[]>> = {
  401: ['WWW-Authenticate'],
  429: ['Retry-After'],
  503: ['Retry-After'],
}

/**
 * @param operation such as `GET /api/jobs/{id}`
 * @param isLimited whether the operation is subject to the request limit
 * @returns references to the headers that such a response may have
 */
export function headersOf(operation: string, status: string, isLimited: boolean): Record<string, { $ref: string }> {
  const names: HeaderName[] = [
    'X-Request-Id',
    ...(isLimited ? (['RateLimit', 'RateLimit-Policy'] as const) : []),
    ...(ofOperation[operation]?.[status] ?? []),
    ...(ofStatus[status] ?? []),
  ]
  return Object.fromEntries([...new Set(names)].map((header) => [header, { $ref: `#/components/headers/${header}` }]))
}
