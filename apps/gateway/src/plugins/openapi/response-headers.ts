/** Headers of answers, as the document describes them. */
export const responseHeaders = {
  'X-Request-Id': { description: "The request's id in our logs: yours if you sent one", schema: { type: 'string' } },
  'Retry-After': { description: 'When to ask or send again, in seconds', schema: { type: 'integer', minimum: 0 } },
  RateLimit: {
    description: 'What is left of a limit, and when it begins anew (draft-ietf-httpapi-ratelimit-headers)',
    schema: { type: 'string', examples: ['"requests-per-minute";r=5999;t=60'] },
  },
  'RateLimit-Policy': { description: 'The limit itself', schema: { type: 'string', examples: ['"requests-per-minute";q=6000;w=60'] } },
  'WWW-Authenticate': { description: 'How to authenticate', schema: { type: 'string', examples: ['Bearer'] } },
  'Preference-Applied': { description: 'How long was waited at most (RFC 7240)', schema: { type: 'string', examples: ['wait=10'] } },
  'Idempotent-Replayed': {
    description: 'There where an earlier request with the same key, or the same upload_id, was accepted already',
    schema: { type: 'string', enum: ['true'] },
  },
} as const

type HeaderName = keyof typeof responseHeaders

/** What only some operations answer with, by operation and status. */
const ofOperation: Readonly<Record<string, Readonly<Record<string, readonly HeaderName[]>>>> = {
  'POST /api/upload': {
    200: ['Retry-After', 'Preference-Applied', 'Idempotent-Replayed'],
    202: ['Retry-After', 'Preference-Applied', 'Idempotent-Replayed'],
    400: ['Retry-After'],
    409: ['Retry-After'],
  },
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
 * @param isLimited whether its requests count against the limit of a minute
 * @returns references to the headers that such an answer may have
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
