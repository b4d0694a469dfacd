import { createHash, createHmac, createSecretKey, type Hash, type Hmac, type KeyObject } from 'node:crypto'
import type { S3Client } from '@aws-sdk/client-s3'

/**
 * Middlewares of the SDK that do nothing for Airlock, but take time in each call: no logger is set, redirects to other regions and `Expect` are off, and
 * Airlock does not run in a Lambda function. The user agent is replaced by a constant one.
 */
const unneeded = [
  'loggerMiddleware',
  'regionRedirectMiddleware',
  'regionRedirectEndpointMiddleware',
  'addExpectContinueMiddleware',
  'recursionDetectionMiddleware',
  'getUserAgentMiddleware',
] as const

const userAgent = 'airlock aws-sdk-js/3'

/** Makes each call of a client take less CPU time, by the SDK's own extension points (docs/decisions/2026-12-03-a-cheaper-sdk.md). */
export function makeCheaper(client: S3Client): void {
  for (const name of unneeded) client.middlewareStack.remove(name)
  client.middlewareStack.add(
    (next) => (args) => {
      const request = args.request as { headers: Record<string, string> }
      request.headers['user-agent'] = userAgent
      return next(args)
    },
    { name: 'setUserAgent', step: 'build' },
  )
  keepSigners(client)
}

type Signers = S3Client['config']['signer']

/** Our region, and those that the endpoint rules may choose for buckets of the pipeline. */
const maxSigners = 16

/** Keeps the signer of each region and kind of signature, which the SDK makes anew for each call. It requests the current credentials for each signature. */
function keepSigners({ config }: S3Client): void {
  const make = config.signer
  const kept = new Map<string, ReturnType<Signers>>()
  config.signer = (scheme) => {
    if (scheme === undefined) return make(scheme)
    const key = JSON.stringify([scheme.name, scheme.signingName, scheme.signingRegion, scheme.signingRegionSet, scheme.properties])
    const known = kept.get(key)
    if (known !== undefined) return known
    const made = make(scheme)
    if (kept.size < maxSigners) kept.set(key, made)
    return made
  }
}

/**
 * SHA-256 for signatures, of a text or with a key. The SDK hands the same keys over for each signature, and Node takes six times as long for a key in a
 * string or an array as for a `KeyObject`, so these are kept.
 */
export class Sha256 {
  readonly #key: KeyObject | null
  #hash: Hash | Hmac

  /** @param secret the key, if any */
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#key = secret ? keyOf(secret) : null
    this.#hash = this.#begin()
  }

  update(data: Uint8Array | string): void {
    this.#hash.update(data)
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest()
  }

  reset(): void {
    this.#hash = this.#begin()
  }

  #begin(): Hash | Hmac {
    return this.#key === null ? createHash('sha256') : createHmac('sha256', this.#key)
  }
}

/** Keys in arrays, which the SDK derives once a day and keeps. */
const keysOfArrays = new WeakMap<object, KeyObject>()

/** The last key in a string: the secret of the current credentials. */
let lastText: { text: string; key: KeyObject } | null = null

function keyOf(secret: string | ArrayBuffer | ArrayBufferView): KeyObject {
  if (typeof secret === 'string') {
    if (lastText?.text !== secret) lastText = { text: secret, key: createSecretKey(secret, 'utf8') }
    return lastText.key
  }
  const known = keysOfArrays.get(secret)
  if (known !== undefined) return known
  const bytes = ArrayBuffer.isView(secret) ? Buffer.from(secret.buffer, secret.byteOffset, secret.byteLength) : Buffer.from(secret)
  const key = createSecretKey(bytes)
  keysOfArrays.set(secret, key)
  return key
}
