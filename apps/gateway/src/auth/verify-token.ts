import { AirlockError, type ErrorCode, isUuid } from '@airlock/domain'
import { errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose'
import type { Caller } from './caller.ts'
import { KeysUnavailable, type RemoteKeys } from './remote-keys.ts'
import { type Verified, VerifiedTokens } from './verified-tokens.ts'

/** Supported signature algorithms. The configuration, not a token's header, decides which are accepted (RFC 8725, section 3.1). */
const signatures = {
  HS256: { names: ['HS256'], keys: 'secrets' },
  RS256: { names: ['RS256'], keys: 'remote' },
  ES256: { names: ['ES256'], keys: 'remote' },
  // RFC 9864 names the curve separately; issuers use either name
  EdDSA: { names: ['EdDSA', 'Ed25519'], keys: 'remote' },
} as const

type TokenAlgorithm = keyof typeof signatures

export interface TokenRules {
  /** HMAC secrets for HS256; any of them may have signed (rotation). */
  secrets: readonly string[]
  /** Public keys for the other algorithms; null: none. */
  remote: RemoteKeys | null
  /** Null: all for which there are keys. */
  algorithms: readonly TokenAlgorithm[] | null
  issuer: string | null
  audience: string | null
}

/** Tolerated clock skew. */
const clockLeewaySeconds = 60

/** Maximum length of a token; Node limits all headers together to 16 KiB. */
const maxTokenLength = 8192

/**
 * Verifies tokens: signature, algorithm, `exp`, `nbf`, issuer and audience if configured, a UUID as `sub`, and that they are access tokens.
 *
 * @returns a function that returns the caller of a token, and throws AirlockError `token_…`, or `auth_unavailable` if the keys cannot be fetched
 */
export function tokenVerifier({ secrets, remote, algorithms, issuer, audience }: TokenRules): (token: string) => Promise<Caller> {
  const options: JWTVerifyOptions = {
    requiredClaims: ['sub', 'exp'],
    clockTolerance: clockLeewaySeconds,
    ...(issuer !== null && { issuer }),
    ...(audience !== null && { audience }),
  }
  const pinned = (from: 'secrets' | 'remote'): string[] =>
    Object.entries(signatures)
      .filter(([name, { keys }]) => keys === from && (algorithms === null || algorithms.includes(name as TokenAlgorithm)))
      .flatMap(([, { names }]) => [...names])
  const [secretAlgorithms, remoteAlgorithms] = [pinned('secrets'), pinned('remote')]
  const tries: ((token: string) => Promise<Verified>)[] = secrets.map((secret) => {
    const key = new TextEncoder().encode(secret)
    return async (token) => {
      const { payload } = await jwtVerify(token, key, { ...options, algorithms: secretAlgorithms })
      return { caller: asCaller(payload), isCurrent: () => true }
    }
  })
  if (remote !== null)
    tries.push(async (token) => {
      const keySet = remote.keySet?.() ?? null
      const { payload } = await jwtVerify(token, remote, { ...options, algorithms: remoteAlgorithms })
      // keys that were fetched only now may be others than those that verified the token
      return { caller: asCaller(payload), isCurrent: () => keySet !== null && remote.keySet?.() === keySet }
    })

  const verified = async (token: string): Promise<Verified> => {
    let refused: AirlockError = new AirlockError('token_invalid', {})
    for (const verify of tries) {
      try {
        return await verify(token)
      } catch (error) {
        refused = refusalOf(error)
        // another key can help only if the signature is invalid
        if (refused.code !== 'token_invalid') throw refused
      }
    }
    throw refused
  }

  const tokens = new VerifiedTokens()
  return async (token) => {
    if (token.length > maxTokenLength) throw new AirlockError('token_malformed', {})
    return tokens.callerOf(token, () => verified(token))
  }
}

/** Values of the claim `typ` in tokens that are not access tokens (Keycloak and others), in lower case. */
const otherTypes: readonly unknown[] = ['id', 'refresh', 'offline']

/**
 * ID tokens tell a client application who logged in; it handles them less carefully than access tokens. Only ID tokens contain hashes of an
 * access token or a code (OpenID Connect Core, sections 3.1.3.6 and 3.3.2.11). The header `typ` is not checked: most issuers do not set
 * `at+jwt`.
 */
const isForAccess = ({ typ, at_hash, c_hash }: JWTPayload): boolean =>
  at_hash === undefined && c_hash === undefined && !otherTypes.includes(typeof typ === 'string' ? typ.toLowerCase() : typ)

function asCaller(payload: JWTPayload): Caller {
  const { sub, exp, scope } = payload
  if (!isForAccess(payload)) throw new AirlockError('token_not_for_access', {})
  if (typeof sub !== 'string' || !isUuid(sub)) throw new AirlockError('token_malformed', {})
  return { id: sub.toLowerCase(), actedBy: null, scopes: scopesOf(scope), expiresAtMs: (exp ?? 0) * 1000 }
}

/** Space-separated, as in OAuth (RFC 8693, section 4.2). */
const scopesOf = (scope: unknown): string[] => (typeof scope === 'string' ? scope.split(/[ ,]+/).filter(Boolean) : [])

const refusals: ReadonlyArray<[new (...args: never[]) => Error, ErrorCode & ('auth_unavailable' | `token_${string}`)]> = [
  [KeysUnavailable, 'auth_unavailable'],
  [errors.JWTExpired, 'token_expired'],
  [errors.JWTClaimValidationFailed, 'token_malformed'],
  [errors.JWTInvalid, 'token_malformed'],
  [errors.JWSInvalid, 'token_malformed'],
  [errors.JOSEAlgNotAllowed, 'token_invalid'],
  [errors.JOSENotSupported, 'token_invalid'],
  [errors.JWSSignatureVerificationFailed, 'token_invalid'],
  [errors.JWKSNoMatchingKey, 'token_invalid'],
  [errors.JWKSMultipleMatchingKeys, 'token_invalid'],
]

/** A token of another issuer or for another audience is treated like an invalid signature. */
const foreignClaims = ['iss', 'aud']

function refusalOf(error: unknown): AirlockError {
  if (error instanceof AirlockError) return error
  if (error instanceof errors.JWTClaimValidationFailed && foreignClaims.includes(error.claim))
    return new AirlockError('token_invalid', {}, { cause: error })
  const known = refusals.find(([type]) => error instanceof type)
  if (known === undefined) throw error
  return new AirlockError(known[1], {}, { cause: error })
}
