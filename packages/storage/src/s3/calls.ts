import { backoffMs } from '@airlock/async'
import { S3Client, type S3ClientConfig, type ServiceInputTypes, type ServiceOutputTypes } from '@aws-sdk/client-s3'
import { asStoreError } from './answers.ts'
import { makeCheaper, Sha256 } from './cheaper-sdk.ts'
import type { S3StoreOptions, Tuning } from './settings.ts'

// The SDK's own type of a command is a class with ten parameters; this is the part of it that we use.
type S3Command<I extends ServiceInputTypes, O extends ServiceOutputTypes> = Parameters<typeof S3Client.prototype.send<I, O>>[0]

interface CallOptions<O, R> {
  /** For error messages. */
  key: string | null
  signal?: AbortSignal | undefined
  timeoutMs?: number | undefined
  /** Reads the response within the call's time limit, for responses whose body is a stream. */
  reads?: (output: O) => Promise<R>
}

/** Sends one command in bounded time, and converts errors to those of the store. */
export type Call = <I extends ServiceInputTypes, O extends ServiceOutputTypes, R = O>(
  command: S3Command<I, O>,
  options: CallOptions<O, R>,
) => Promise<R>

/**
 * @param client the client of the process
 * @param callTimeoutMs the time limit of one call, including its retries
 */
export function boundedCalls(client: S3Client, callTimeoutMs: number): Call {
  return async (command, { key, signal, timeoutMs = callTimeoutMs, reads }) => {
    signal?.throwIfAborted()
    const deadline = new AbortController()
    const timer = setTimeout(() => deadline.abort(), timeoutMs)
    const stop = () => deadline.abort()
    signal?.addEventListener('abort', stop, { once: true })
    try {
      const output = await client.send(command, { abortSignal: deadline.signal })
      return reads === undefined ? (output as never) : await reads(output)
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      throw asStoreError(error, {
        operation: operationOf(command),
        key,
        timeoutMs,
        timedOut: deadline.signal.aborted,
      })
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', stop)
    }
  }
}

const operationOf = (command: object): string => command.constructor.name.replace(/Command$/, '')

/** The same calls, each as a span, if there is tracing. A span has the key, and nothing of the request's headers or its address. */
export function tracedCalls(call: Call, { bucket, tracing }: S3StoreOptions): Call {
  if (tracing === undefined) return call
  return (command, options) => {
    const { Bucket = bucket } = command.input as { Bucket?: string }
    const method = operationOf(command)
    const object = { 'aws.s3.bucket': Bucket, ...(options.key !== null && { 'aws.s3.key': options.key }) }
    const attributes = { 'rpc.system': 'aws-api', 'rpc.service': 'S3', 'rpc.method': method, ...object }
    return tracing.trace({ name: `S3 ${method}`, kind: 'client', attributes }, () => call(command, options))
  }
}

/** The client for all calls of the process except checks. */
export const makeClient = (options: S3StoreOptions, tuning: Tuning): S3Client => clientOf(options, tuning, 1 + maxRetries)

/** The number of connections reserved for checks. */
const checkSockets = 4

/**
 * The client for checks. It has its own connections, so that checks and uploads do not compete for them, and it does not retry.
 */
export const makeCheckClient = (options: S3StoreOptions, tuning: Tuning): S3Client =>
  clientOf(options, { ...tuning, maxSockets: checkSockets }, 1)

/**
 * The client that repeats a request after its first attempt was made without a client. It uses the connections of another one, which closes them.
 */
export function makeRetryClient(options: S3StoreOptions, { config }: S3Client): S3Client {
  const client = new S3Client({
    ...addressOf(options, options.endpoint),
    credentials: config.credentials,
    retryStrategy: boundedRetries(1),
    ...checksumsOf(options),
    expectContinueHeader: false,
    requestHandler: config.requestHandler,
  })
  leavePayloadUnsigned(client)
  return client
}

function clientOf(options: S3StoreOptions, tuning: Tuning, maxAttempts: number): S3Client {
  const agent = { keepAlive: true, maxSockets: tuning.maxSockets }
  const client = new S3Client({
    ...addressOf(options, options.endpoint),
    maxAttempts,
    sha256: Sha256,
    retryStrategy: boundedRetries(0),
    ...checksumsOf(options),
    // With it, each part would open its own connection and wait a round trip before its first byte.
    expectContinueHeader: false,
    requestHandler: {
      connectionTimeout: tuning.connectTimeoutMs,
      socketTimeout: options.callTimeoutMs,
      httpAgent: agent,
      httpsAgent: agent,
    },
  })
  leavePayloadUnsigned(client)
  makeCheaper(client)
  return client
}

const checksumsOf = ({ checksums }: S3StoreOptions) => {
  const when = checksums === 'when_supported' ? 'WHEN_SUPPORTED' : 'WHEN_REQUIRED'
  return { requestChecksumCalculation: when, responseChecksumValidation: when } as const
}

/**
 * The client that only signs URLs. It never connects. Checksums are off, because otherwise the checksum of an empty body would be part of the
 * URL.
 */
export function makePresigner(options: S3StoreOptions, { config }: S3Client): S3Client {
  const client = new S3Client({
    ...addressOf(options, options.publicEndpoint ?? options.endpoint),
    sha256: Sha256,
    credentials: config.credentials,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  })
  makeCheaper(client)
  return client
}

const addressOf = ({ region, forcePathStyle, credentials }: S3StoreOptions, endpoint: string | undefined): S3ClientConfig => ({
  region,
  forcePathStyle,
  ...(endpoint && { endpoint }),
  ...(credentials && { credentials }),
})

/**
 * Omits the SHA-256 of request bodies where the connection protects them: over TLS, and on the local machine.
 * S3 accepts `UNSIGNED-PAYLOAD` for this (Signature Version 4, "Unsigned payload option"); the CRC32 of `checksums` is still sent.
 * Over plain HTTP on a network, the body is signed.
 */
function leavePayloadUnsigned(client: S3Client): void {
  client.middlewareStack.add(
    (next) => (args) => {
      const request = args.request as { protocol: string; hostname: string; headers: Record<string, string>; body?: unknown }
      if (ArrayBuffer.isView(request.body) && isTrusted(request)) request.headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD'
      return next(args)
    },
    { name: 'leavePayloadUnsigned', step: 'build', priority: 'low' },
  )
}

/** Whether requests can't be changed on their way to the store. */
export const isTrusted = ({ protocol, hostname }: { protocol: string; hostname: string }): boolean =>
  protocol === 'https:' || hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)

/** The retries of one call. */
const maxRetries = 3

export const retryBackoff = { firstMs: 200, maxMs: 800 } as const

type Strategy = Exclude<NonNullable<S3ClientConfig['retryStrategy']>, { retry: unknown }>
type Token = Awaited<ReturnType<Strategy['acquireInitialRetryToken']>>

/**
 * Retries of temporary failures, with growing waits of at most 1.4 s in total, so that a request is answered within 4 s.
 *
 * The SDK's own strategy waits up to 7 s when the store is throttling, and 5 s more for each `Retry-After`; here the caller gets the error and
 * decides when to retry.
 *
 * @param retries how often the request has already been repeated
 */
const boundedRetries = (retries: number): Strategy => ({
  acquireInitialRetryToken: async () => tokenOf(retries, 0),
  refreshRetryTokenForRetry: async (token, { errorType }) => {
    const retry = token.getRetryCount() + 1
    if (retry > maxRetries || !(errorType === 'THROTTLING' || errorType === 'TRANSIENT')) throw new Error('not retryable')
    return tokenOf(retry, backoffMs(retry, retryBackoff))
  },
  recordSuccess: () => {},
})

const tokenOf = (count: number, delayMs: number): Token => ({ getRetryCount: () => count, getRetryDelay: () => delayMs })
