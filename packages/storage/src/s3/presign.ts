import type { S3Client } from '@aws-sdk/client-s3'
import type { ObjectStore, PresignOptions, PresignWriteOptions } from '../object-store.ts'
import { asStoreError } from './answers.ts'
import { addressOnce, type BucketAddress, hostOf } from './bucket-address.ts'
import type { S3StoreOptions } from './settings.ts'
import { escaped, signedQuery } from './signature.ts'
import { encryptionHeaders } from './write-headers.ts'

/** A week, the maximum of Signature Version 4. */
const maxSeconds = 604_800

/** The longest time for which a URL stays the same, in seconds. */
const maxWindowSeconds = 3600

type Credentials = Awaited<ReturnType<S3Client['config']['credentials']>>

/**
 * Makes `ObjectStore.presign` and `ObjectStore.presignWrite` for one bucket.
 *
 * The SDK determines the bucket's address once; URLs are then signed here, because `getSignedUrl` runs the SDK's whole request pipeline for every
 * URL. URLs are not cached, so none can leak or be stale.
 *
 * @param client is only used to sign; it never connects
 */
export function presigning(client: S3Client, options: S3StoreOptions): Pick<ObjectStore, 'presign' | 'presignWrite'> {
  const address = addressOnce(client, options.bucket)
  const sign = async (key: string, expiresInSeconds: number, signingDate: Date, request: Signed) => {
    if (!Number.isInteger(expiresInSeconds) || expiresInSeconds < 1 || expiresInSeconds > maxSeconds) {
      throw new RangeError(`expiresInSeconds is ${expiresInSeconds}, but must be a whole number from 1 to ${maxSeconds}`)
    }
    try {
      // Read once for both uses: credentials that are refreshed in between would have another expiry.
      const credentials = await client.config.credentials()
      const url = signedUrl(await address(), key, request, { expiresInSeconds, signingDate, credentials })
      return { url, expiresAt: expiryOf(signingDate, expiresInSeconds, credentials) }
    } catch (error) {
      throw asStoreError(error, { operation: 'presign', key, timeoutMs: 0, timedOut: false })
    }
  }
  return {
    presign: (key, { expiresInSeconds, ...shown }) =>
      sign(key, expiresInSeconds, startOfWindow(new Date(), expiresInSeconds), downloadOf(shown)),
    presignWrite: async (key, { expiresInSeconds, sizeBytes, ...write }) => {
      const { query, headers } = write.part === undefined ? wholeObject(write, options) : partOf(write.part)
      // The client's program sends the length by itself, and browsers refuse to have it set.
      const request = { method: 'PUT' as const, query, headers: { ...headers, 'content-length': String(sizeBytes) } }
      return { ...(await sign(key, expiresInSeconds, new Date(), request)), headers }
    },
  }
}

/** What a signature covers besides the address and the time. */
interface Signed {
  readonly method: 'GET' | 'PUT'
  readonly query: Record<string, string>
  readonly headers: Record<string, string>
}

const downloadOf = ({ disposition, filename }: Omit<PresignOptions, 'expiresInSeconds'>): Signed => ({
  method: 'GET',
  headers: {},
  query: {
    'x-id': 'GetObject',
    ...((disposition ?? filename) !== undefined && {
      'response-content-disposition': contentDisposition(disposition ?? 'attachment', filename),
    }),
  },
})

const partOf = ({ uploadId, number }: { uploadId: string; number: number }) => ({
  query: { 'x-id': 'UploadPart', partNumber: String(number), uploadId },
  headers: {} as Record<string, string>,
})

function wholeObject({ onlyIfAbsent, sha256 }: Pick<PresignWriteOptions, 'onlyIfAbsent' | 'sha256'>, options: S3StoreOptions) {
  const { ServerSideEncryption, SSEKMSKeyId } = encryptionHeaders(options)
  const headers: Record<string, string> = {
    ...(onlyIfAbsent && { 'if-none-match': '*' }),
    ...(sha256 && { 'x-amz-checksum-sha256': Buffer.from(sha256, 'hex').toString('base64') }),
    ...(ServerSideEncryption && { 'x-amz-server-side-encryption': ServerSideEncryption }),
    ...(SSEKMSKeyId && { 'x-amz-server-side-encryption-aws-kms-key-id': SSEKMSKeyId }),
  }
  return { query: { 'x-id': 'PutObject' }, headers }
}

/**
 * The time with which all URLs of one window are signed, so that within it the same options give the same URL in all processes.
 *
 * A window lasts a quarter of the URL's lifetime, at most an hour and at least one second, the unit of a signature's time. Its start is in the past: S3
 * refuses signatures from the future, and the URL must not live longer than requested.
 */
function startOfWindow(now: Date, expiresInSeconds: number): Date {
  const windowMs = Math.max(1, Math.min(maxWindowSeconds, Math.floor(expiresInSeconds / 4))) * 1000
  return new Date(Math.floor(now.getTime() / windowMs) * windowMs)
}

function expiryOf(signingDate: Date, expiresInSeconds: number, { expiration }: Credentials): Date {
  const requested = new Date(signingDate.getTime() + expiresInSeconds * 1000)
  return expiration !== undefined && expiration < requested ? expiration : requested
}

interface Signing {
  expiresInSeconds: number
  signingDate: Date
  credentials: Credentials
}

function signedUrl(
  address: BucketAddress,
  key: string,
  { method, query, headers }: Signed,
  { expiresInSeconds, signingDate, credentials }: Signing,
): string {
  const host = hostOf(address)
  const path = address.pathPrefix + key.split('/').map(escaped).join('/')
  const request = { method, path, query, headers: { ...headers, host } }
  return `${address.protocol}//${host}${path}?${signedQuery(request, { credentials, region: address.region, date: signingDate }, expiresInSeconds)}`
}

/**
 * A `Content-Disposition` that names a file in any script (RFC 6266, section 4.3; RFC 8187 for `filename*`).
 * Programs that don't support `filename*` use the ASCII name.
 */
export function contentDisposition(disposition: 'inline' | 'attachment', filename: string | undefined): string {
  if (filename === undefined) return disposition
  const ascii = filename.replace(/[^\x20-\x7e]/gu, '_').replace(/["\\%]/g, '_')
  return `${disposition}; filename="${ascii}"; filename*=UTF-8''${extValue(filename)}`
}

/** `encodeURIComponent` does not encode `'()*!`, of which RFC 8187 allows only `!`. */
const extValue = (text: string): string =>
  encodeURIComponent(text.toWellFormed()).replace(/['()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
