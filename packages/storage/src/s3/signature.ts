import { createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto'

interface SigningCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
}

/** What a signature covers. Names of headers are in lower case. */
export interface RequestToSign {
  readonly method: string
  /** Percent-encoded. */
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
  /** The SHA-256 of the body in hexadecimal, or `UNSIGNED-PAYLOAD`. */
  readonly bodyHash: string
}

export interface SigningContext {
  readonly credentials: SigningCredentials
  readonly region: string
  readonly date: Date
}

const algorithm = 'AWS4-HMAC-SHA256'

/**
 * Signs a request in its headers (Signature Version 4, https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html). The SDK's
 * signer does the same in six times the CPU time.
 *
 * @returns the headers to send
 */
export function signedHeaders(request: RequestToSign, context: SigningContext): Record<string, string> {
  const { sessionToken } = context.credentials
  const headers = {
    ...request.headers,
    'x-amz-content-sha256': request.bodyHash,
    'x-amz-date': timeOf(context.date),
    ...(sessionToken !== undefined && { 'x-amz-security-token': sessionToken }),
  }
  const { signature, credential, names } = signatureOf({ ...request, headers }, context)
  return { ...headers, authorization: `${algorithm} Credential=${credential}, SignedHeaders=${names}, Signature=${signature}` }
}

/**
 * Signs a request in its query (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html).
 *
 * @returns the query, percent-encoded
 */
export function signedQuery(request: Omit<RequestToSign, 'bodyHash'>, context: SigningContext, expiresInSeconds: number): string {
  const { sessionToken } = context.credentials
  const query: Record<string, string> = {
    ...request.query,
    'X-Amz-Algorithm': algorithm,
    'X-Amz-Content-Sha256': 'UNSIGNED-PAYLOAD',
    'X-Amz-Credential': credentialOf(context),
    'X-Amz-Date': timeOf(context.date),
    'X-Amz-Expires': String(expiresInSeconds),
    ...(sessionToken !== undefined && { 'X-Amz-Security-Token': sessionToken }),
    'X-Amz-SignedHeaders': namesOf(request.headers),
  }
  const { signature, canonicalQuery } = signatureOf({ ...request, query, bodyHash: 'UNSIGNED-PAYLOAD' }, context)
  return `${canonicalQuery}&X-Amz-Signature=${signature}`
}

/** Percent-encodes a text as signatures require (RFC 3986). */
export const escaped = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)

function signatureOf({ method, path, query, headers, bodyHash }: RequestToSign, context: SigningContext) {
  const names = namesOf(headers)
  const headerLines = names.split(';').map((name) => `${name}:${headers[name]?.trim().replace(/\s+/g, ' ')}\n`)
  const canonicalQuery = Object.entries(query)
    .map(([name, value]) => `${escaped(name)}=${escaped(value)}`)
    .sort()
    .join('&')
  const canonical = `${method}\n${path}\n${canonicalQuery}\n${headerLines.join('')}\n${names}\n${bodyHash}`
  const toSign = `${algorithm}\n${timeOf(context.date)}\n${scopeOf(context)}\n${hash('sha256', canonical)}`
  const signature = createHmac('sha256', signingKey(context)).update(toSign).digest('hex')
  return { signature, canonicalQuery, names, credential: credentialOf(context) }
}

const namesOf = (headers: Readonly<Record<string, string>>): string => Object.keys(headers).sort().join(';')

/** `20261203T100000Z` */
const timeOf = (date: Date): string => `${date.toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`

const dayOf = (date: Date): string => timeOf(date).slice(0, 8)

const scopeOf = ({ region, date }: SigningContext): string => `${dayOf(date)}/${region}/s3/aws4_request`

const credentialOf = (context: SigningContext): string => `${context.credentials.accessKeyId}/${scopeOf(context)}`

/** The last signing key: it is the same for a day. */
let lastKey: { readonly of: string; readonly key: KeyObject } | null = null

function signingKey({ credentials, region, date }: SigningContext): KeyObject {
  const of = `${dayOf(date)}/${region}/${credentials.secretAccessKey}`
  if (lastKey?.of === of) return lastKey.key
  const steps = [dayOf(date), region, 's3', 'aws4_request']
  const secret = steps.reduce<string | Buffer>(
    (previous, text) => createHmac('sha256', previous).update(text).digest(),
    `AWS4${credentials.secretAccessKey}`,
  )
  lastKey = { of, key: createSecretKey(secret as Buffer) } // Node makes an HMAC with a buffer in twice the time
  return lastKey.key
}
