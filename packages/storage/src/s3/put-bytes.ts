import { hash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { backoffMs, sleep } from '@airlock/async'
import { PutObjectCommand, type S3Client, UploadPartCommand } from '@aws-sdk/client-s3'
import { asStoreError } from './answers.ts'
import { addressOnce, type BucketAddress, hostOf } from './bucket-address.ts'
import { boundedCalls, type Call, isTrusted, makePresigner, makeRetryClient, retryBackoff } from './calls.ts'
import type { S3StoreOptions } from './settings.ts'
import { escaped, signedHeaders } from './signature.ts'
import type { WriteHeaders } from './write-headers.ts'

/** Bytes for an object, or for one part of it. */
export interface BytesToPut {
  readonly key: string
  readonly bytes: Buffer
  /** In base64; absent: no checksum is sent. */
  readonly crc32?: string | undefined
  /** The part of a multipart upload. */
  readonly part?: { readonly uploadId: string; readonly number: number } | undefined
  /** Of an object that is not a part. */
  readonly headers?: WriteHeaders | undefined
}

export interface PutAnswer {
  readonly etag: string | undefined
  readonly crc32: string | undefined
  /** Whether there was only one attempt, so that nothing reads the bytes any more. */
  readonly atOnce: boolean
}

/** Puts bytes in bounded time. @throws StoreError, or the reason of the signal */
export type PutBytes = (put: BytesToPut, signal: AbortSignal) => Promise<PutAnswer>

/** The first attempt failed in a way that the SDK reports better. */
class FirstAttemptFailed extends Error {
  override name = 'FirstAttemptFailed'
  /** Whether the store refused the request, so that there is no reason to wait before the next attempt. */
  readonly isRefusal: boolean

  constructor(isRefusal: boolean, options?: ErrorOptions) {
    super('the first attempt failed', options)
    this.isRefusal = isRefusal
  }
}

/** After so many requests in a row that the store refused and accepted from the SDK, all are left to the SDK. */
const maxRefusals = 3

/**
 * Makes `PutBytes` for one bucket. The SDK's pipeline takes about a millisecond of CPU time for each request, more than the bytes of a small file. So
 * the first attempt is signed here and sent over the SDK's connections. If it fails in any way, the SDK makes the other attempts: it knows errors,
 * wrong clocks and unusual buckets.
 *
 * @param client its connections, credentials and clock are used
 */
export function puttingBytes(client: S3Client, options: S3StoreOptions): PutBytes {
  const address = addressOnce(makePresigner({ ...options, publicEndpoint: undefined }, client), options.bucket)
  const { callTimeoutMs } = options
  let retryClient: S3Client | undefined
  let refusals = 0

  const repeated = async (put: BytesToPut, signal: AbortSignal, { isRefusal, timeoutMs }: { isRefusal: boolean; timeoutMs: number }) => {
    retryClient ??= makeRetryClient(options, client)
    if (!isRefusal) await sleep(backoffMs(1, retryBackoff), signal)
    const { etag, crc32 } = await bySdk(boundedCalls(retryClient, timeoutMs), options.bucket)(put, signal)
    if (isRefusal) refusals += 1
    return { etag, crc32, atOnce: false }
  }

  return async (put, signal) => {
    if (refusals >= maxRefusals) return bySdk(boundedCalls(client, callTimeoutMs), options.bucket)(put, signal)
    signal.throwIfAborted()
    const started = performance.now()
    const deadline = new AbortController()
    const timer = setTimeout(() => deadline.abort(), callTimeoutMs)
    const stop = () => deadline.abort()
    signal.addEventListener('abort', stop, { once: true })
    try {
      const sent = await signedPut(client, await address(), put, retryClient?.config.systemClockOffset)
      const answer = await firstAttempt(client, sent, deadline.signal)
      refusals = 0
      return answer
    } catch (error) {
      signal.throwIfAborted()
      if (deadline.signal.aborted)
        throw asStoreError(error, { operation: operationOf(put), key: put.key, timeoutMs: callTimeoutMs, timedOut: true })
      const isRefusal = error instanceof FirstAttemptFailed && error.isRefusal
      const timeoutMs = Math.max(1, Math.round(callTimeoutMs - (performance.now() - started)))
      return await repeated(put, signal, { isRefusal, timeoutMs })
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
    }
  }
}

/** Makes `PutBytes` of the SDK's calls alone. */
export const bySdk =
  (call: Call, bucket: string): PutBytes =>
  async ({ key, bytes, crc32, part, headers }, signal) => {
    const common = { Bucket: bucket, Key: key, Body: bytes, ContentLength: bytes.byteLength, ...(crc32 && { ChecksumCRC32: crc32 }) }
    const { ETag, ChecksumCRC32, $metadata } =
      part === undefined
        ? await call(new PutObjectCommand({ ...common, ...headers }), { key, signal })
        : await call(new UploadPartCommand({ ...common, UploadId: part.uploadId, PartNumber: part.number }), { key, signal })
    return { etag: ETag, crc32: ChecksumCRC32, atOnce: $metadata.attempts === 1 }
  }

const operationOf = ({ part }: BytesToPut): string => (part === undefined ? 'PutObject' : 'UploadPart')

/** @throws the errors of the credentials, of which the SDK will report the same */
async function signedPut(client: S3Client, address: BucketAddress, { key, bytes, crc32, part, headers }: BytesToPut, clockOffset?: number) {
  const { protocol, hostname, port, pathPrefix, region } = address
  const query: Record<string, string> = part === undefined ? {} : { partNumber: String(part.number), uploadId: part.uploadId }
  const request = {
    method: 'PUT',
    path: pathPrefix + key.split('/').map(escaped).join('/'),
    query: { ...query, 'x-id': part === undefined ? 'PutObject' : 'UploadPart' },
    headers: {
      host: hostOf(address),
      'content-length': String(bytes.byteLength),
      'content-type': headers?.ContentType ?? 'application/octet-stream',
      ...(crc32 && { 'x-amz-checksum-crc32': crc32, 'x-amz-sdk-checksum-algorithm': 'CRC32' }),
      ...headersOf(headers),
    },
    bodyHash: isTrusted(address) ? 'UNSIGNED-PAYLOAD' : hash('sha256', bytes),
  }
  const date = new Date(Date.now() + (clockOffset ?? client.config.systemClockOffset))
  const signed = signedHeaders(request, { credentials: await client.config.credentials(), region, date })
  return { ...request, protocol, hostname, port, headers: signed, body: bytes }
}

const headersOf = (headers: WriteHeaders | undefined): Record<string, string> => ({
  ...(headers?.CacheControl && { 'cache-control': headers.CacheControl }),
  ...(headers?.ServerSideEncryption && { 'x-amz-server-side-encryption': headers.ServerSideEncryption }),
  ...(headers?.SSEKMSKeyId && { 'x-amz-server-side-encryption-aws-kms-key-id': headers.SSEKMSKeyId }),
  ...Object.fromEntries(Object.entries(headers?.Metadata ?? {}).map(([name, value]) => [`x-amz-meta-${name.toLowerCase()}`, value])),
})

/** @throws FirstAttemptFailed, or the error of the connection */
async function firstAttempt(client: S3Client, request: object, abortSignal: AbortSignal): Promise<PutAnswer> {
  const { response } = await client.config.requestHandler.handle(request as never, { abortSignal })
  const { statusCode, headers } = response as { statusCode: number; headers: Record<string, string>; body: Readable }
  const body = response.body as Readable
  body.on('error', () => {}) // the status is known, and nothing else is needed of the response
  body.resume() // so that the connection can be used again
  if (statusCode !== 200) throw new FirstAttemptFailed(statusCode >= 400 && statusCode < 500 && statusCode !== 429)
  return { etag: headers.etag, crc32: headers['x-amz-checksum-crc32'], atOnce: true }
}
