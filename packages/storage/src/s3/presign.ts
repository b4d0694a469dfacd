import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl, S3RequestPresigner } from '@aws-sdk/s3-request-presigner'
import type { ObjectStore, PresignOptions, PresignWriteOptions } from '../object-store.ts'
import { asStoreError } from './answers.ts'
import type { S3StoreOptions } from './settings.ts'
import { encryptionHeaders } from './write-headers.ts'

/** A week, the maximum of Signature Version 4. */
const maxSeconds = 604_800

/** The longest time for which a URL stays the same, in seconds. */
const maxWindowSeconds = 3600

type Credentials = Awaited<ReturnType<S3Client['config']['credentials']>>

/** The HTTP address of the bucket's objects. */
interface BucketAddress {
  protocol: string
  hostname: string
  port?: number
  /** The path before the key of an object: `/` or `/bucket/`. */
  pathPrefix: string
  region: string
}

/**
 * Makes `ObjectStore.presign` and `ObjectStore.presignWrite` for one bucket.
 *
 * The SDK determines the bucket's address once, and its signer then signs each URL: a quarter of the CPU time of `getSignedUrl`, which runs the SDK's
 * whole request pipeline for every URL. URLs are not cached, so none can leak or be stale.
 *
 * @param client is only used to sign; it never connects
 */
export function presigning(client: S3Client, options: S3StoreOptions): Pick<ObjectStore, 'presign' | 'presignWrite'> {
  let address: Promise<BucketAddress> | undefined
  const addressOnce = () => {
    address ??= bucketAddress(client, options.bucket).catch((error: unknown) => {
      address = undefined
      throw error
    })
    return address
  }
  const sign = async (key: string, expiresInSeconds: number, signingDate: Date, request: Signed) => {
    if (!Number.isInteger(expiresInSeconds) || expiresInSeconds < 1 || expiresInSeconds > maxSeconds) {
      throw new RangeError(`expiresInSeconds is ${expiresInSeconds}, but must be a whole number from 1 to ${maxSeconds}`)
    }
    try {
      // Read once for both uses: credentials that are refreshed in between would have another expiry.
      const credentials = await client.config.credentials()
      const signing = { expiresInSeconds, signingDate, credentials, sha256: client.config.sha256 }
      const url = await signedUrl(await addressOnce(), key, request, signing)
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

/** Determines the bucket's address from a URL that the SDK signs: it depends on region, endpoint, addressing style and the bucket's name. */
async function bucketAddress(client: S3Client, bucket: string): Promise<BucketAddress> {
  const { protocol, hostname, port, pathname, searchParams } = new URL(
    await getSignedUrl(client, new GetObjectCommand({ Bucket: bucket, Key: 'k' }), { expiresIn: 60 }),
  )
  const [, , region = ''] = (searchParams.get('X-Amz-Credential') ?? '').split('/')
  return { protocol, hostname, ...(port !== '' && { port: Number(port) }), pathPrefix: pathname.slice(0, -1), region }
}

interface Signing {
  expiresInSeconds: number
  signingDate: Date
  credentials: Credentials
  sha256: S3Client['config']['sha256']
}

async function signedUrl(
  { region, pathPrefix, ...host }: BucketAddress,
  key: string,
  request: Signed,
  { expiresInSeconds, signingDate, credentials, sha256 }: Signing,
): Promise<string> {
  const signer = new S3RequestPresigner({ region, credentials, sha256 })
  const path = pathPrefix + key.split('/').map(escaped).join('/')
  // The signer would move headers that begin with x-amz- to the URL, where not every store looks for them.
  const unhoistableHeaders = new Set(Object.keys(request.headers))
  const { query = {} } = await signer.presign(
    { ...request, ...host, path, headers: { ...request.headers } },
    { expiresIn: expiresInSeconds, signingDate, unhoistableHeaders },
  )
  const parameters = Object.entries(query).map(([name, value]) => `${escaped(name)}=${escaped(String(value))}`)
  const { protocol, hostname, port } = host
  return `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}?${parameters.sort().join('&')}`
}

/** Percent-encodes a text as signatures require (RFC 3986). */
const escaped = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)

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
