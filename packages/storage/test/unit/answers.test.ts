import { ObjectChanged, ObjectMissing, StoreFailure, StoreUnavailable } from '@airlock/storage'
import { expect, test } from 'vitest'
import { asStoreError } from '../../src/s3/answers.ts'

const facts = { operation: 'GetObject', key: 'quarantine/x', timeoutMs: 1000, timedOut: false }

/** An error as the SDK throws it for a response of the store. */
const answered = (httpStatusCode: number, name: string, headers?: Record<string, string>) =>
  Object.assign(new Error('error of the store'), { name, $metadata: { httpStatusCode }, ...(headers && { $response: { headers } }) })

/** An error as Node throws it if there is no response. */
const network = (code: string) => Object.assign(new Error(`connect ${code}`), { code })

const cases = [
  { thrown: answered(412, 'PreconditionFailed'), becomes: ObjectChanged },
  { thrown: answered(404, 'NoSuchKey'), becomes: ObjectMissing },
  { thrown: answered(404, 'NotFound'), becomes: ObjectMissing },
  { thrown: answered(404, 'NoSuchBucket'), becomes: StoreFailure },
  { thrown: answered(404, 'NoSuchUpload'), becomes: StoreUnavailable },
  { thrown: answered(403, 'AccessDenied'), becomes: StoreFailure },
  { thrown: answered(403, 'RequestTimeTooSkewed'), becomes: StoreFailure },
  { thrown: answered(400, 'InvalidArgument'), becomes: StoreFailure },
  { thrown: answered(400, 'RequestTimeout'), becomes: StoreUnavailable },
  { thrown: answered(409, 'OperationAborted'), becomes: StoreUnavailable },
  { thrown: answered(429, 'TooMany'), becomes: StoreUnavailable },
  { thrown: answered(500, 'InternalError'), becomes: StoreUnavailable },
  { thrown: answered(501, 'NotImplemented'), becomes: StoreFailure },
  { thrown: answered(503, 'SlowDown'), becomes: StoreUnavailable },
  { thrown: answered(507, 'InsufficientStorage'), becomes: StoreUnavailable },
  { thrown: network('ECONNREFUSED'), becomes: StoreUnavailable },
  { thrown: network('ECONNRESET'), becomes: StoreUnavailable },
  { thrown: network('ENOTFOUND'), becomes: StoreUnavailable },
  { thrown: network('CERT_HAS_EXPIRED'), becomes: StoreFailure },
  { thrown: Object.assign(new Error('slow'), { name: 'TimeoutError' }), becomes: StoreUnavailable },
  { thrown: Object.assign(new Error('no role'), { name: 'CredentialsProviderError' }), becomes: StoreFailure },
  { thrown: 'a text', becomes: StoreFailure },
]

test.for(cases.map(({ thrown, becomes }) => ({ thrown, becomes, what: describeThrown(thrown), name: becomes.name })))(
  '$what becomes $name',
  ({ thrown, becomes }) => {
    const error = asStoreError(thrown, facts)

    expect(error).toBeInstanceOf(becomes)
    expect(error).toMatchObject({ name: becomes.name, key: 'quarantine/x', cause: thrown })
    expect(error.message).toMatch(/^GetObject: /)
  },
)

function describeThrown(thrown: unknown): string {
  const { name, code, $metadata } = thrown as { name?: string; code?: string; $metadata?: { httpStatusCode: number } }
  return `${$metadata?.httpStatusCode ?? 'no answer'} ${code ?? name ?? thrown}`
}

test('a call that timed out reports how long it waited', () => {
  const aborted = Object.assign(new Error('aborted'), { name: 'AbortError' })

  const error = asStoreError(aborted, { ...facts, timedOut: true })

  expect(error).toBeInstanceOf(StoreUnavailable)
  expect(error.message).toBe('GetObject: no answer within 1000 ms')
})

test('an error of the store is rethrown unchanged', () => {
  const changed = new ObjectChanged('other bytes', 'quarantine/x')

  expect(asStoreError(changed, facts)).toBe(changed)
})

test.for([
  ['7', 7],
  ['86400', 3600],
  ['0', 5],
  ['Wed, 21 Oct 2026 07:28:00 GMT', 5],
  [undefined, 5],
] as const)('Retry-After %s becomes %i seconds', ([header, seconds]) => {
  const error = asStoreError(answered(503, 'SlowDown', header === undefined ? undefined : { 'retry-after': header }), facts)

  expect(error).toMatchObject({ retryAfterSeconds: seconds })
})

test('a failure keeps the code and the status of the store', () => {
  expect(asStoreError(answered(403, 'AccessDenied'), facts)).toMatchObject({ code: 'AccessDenied', status: 403 })
})
