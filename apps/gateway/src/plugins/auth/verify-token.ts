import { AirlockError, type ErrorCode, isUuid } from '@airlock/domain'
import { errors, type JWTPayload, type JWTVerifyGetKey, type JWTVerifyOptions, jwtVerify } from 'jose'
import type { Caller } from './caller.ts'
import { KeysUnavailable } from './remote-keys.ts'

/** What tokens may be signed with. Which of these count is configuration; a token's own header is not asked (RFC 8725, section 3.1). */
const signatures = {
  HS256: { names: ['HS256'], keys: 'secrets' },
  RS256: { names: ['RS256'], keys: 'remote' },
  ES256: { names: ['ES256'], keys: 'remote' },
  // RFC 9864 gives the curve a name of its own; issuers use either
  EdDSA: { names: ['EdDSA', 'Ed25519'], keys: 'remote' },
} as const

export type TokenAlgorithm = keyof typeof signatures

export interface TokenRules {
  /** HMAC secrets for HS256, any of which may have signed (rotation). */
  secrets: readonly string[]
  /** Public keys for the other algorithms; null: there are none. */
  remote: JWTVerifyGetKey | null
  /** Null: whatever there are keys for. */
  algorithms: readonly TokenAlgorithm[] | null
  issuer: string | null
  audience: string | null
}

/** What two honest clocks may differ by. */
const clockLeewaySeconds = 60

/** Longer ones are no tokens of ours; Node bounds all headers together to 16 KiB. */
const longestToken = 8192

/**
 * Verifies tokens: signature, algorithm, `exp`, `nbf`, issuer and audience where they are set, a UUID as `sub`, and that they are for access.
 *
 * @returns a function that gives the caller of a token, and throws AirlockError `token_…`, or `auth_unavailable` when the keys are out of reach
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
  const tries: ((token: string) => Promise<JWTPayload>)[] = secrets.map((secret) => {
    const key = new TextEncoder().encode(secret)
    return async (token) => (await jwtVerify(token, key, { ...options, algorithms: pinned('secrets') })).payload
  })
  if (remote !== null) tries.push(async (token) => (await jwtVerify(token, remote, { ...options, algorithms: pinned('remote') })).payload)

  return async (token) => {
    if (token.length > longestToken) throw new AirlockError('token_malformed', {})
    let refused: AirlockError = new AirlockError('token_invalid', {})
    for (const verify of tries) {
      try {
        return asCaller(await verify(token))
      } catch (error) {
        refused = refusalOf(error)
        // only another key could change this answer
        if (refused.code !== 'token_invalid') throw refused
      }
    }
    throw refused
  }
}

/** What an issuer writes into the claim `typ` of tokens that are not for access (Keycloak and others), in lower case. */
const otherTypes: readonly unknown[] = ['id', 'refresh', 'offline']

/**
 * ID tokens are made for the client that logged the user in, and tell who that is; they travel and are kept less carefully than access tokens. The
 * hashes of an access token or a code stand in them alone (OpenID Connect Core, sections 3.1.3.6 and 3.3.2.11). A type in the header is not asked
 * for: most issuers do not write `at+jwt`.
 */
const isForAccess = ({ typ, at_hash, c_hash }: JWTPayload): boolean =>
  at_hash === undefined && c_hash === undefined && !otherTypes.includes(typeof typ === 'string' ? typ.toLowerCase() : typ)

function asCaller(payload: JWTPayload): Caller {
  const { sub, exp, scope } = payload
  if (!isForAccess(payload)) throw new AirlockError('token_not_for_access', {})
  if (typeof sub !== 'string' || !isUuid(sub)) throw new AirlockError('token_malformed', {})
  return { id: sub.toLowerCase(), actedBy: null, scopes: scopesOf(scope), expiresAtMs: (exp ?? 0) * 1000 }
}

/** Space-separated, as OAuth has it (RFC 8693, section 4.2). */
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

/** Claims that were set by somebody else's issuer, or for somebody else, are as good as a foreign signature. */
const foreignClaims = ['iss', 'aud']

function refusalOf(error: unknown): AirlockError {
  if (error instanceof AirlockError) return error
  if (error instanceof errors.JWTClaimValidationFailed && foreignClaims.includes(error.claim))
    return new AirlockError('token_invalid', {}, { cause: error })
  const known = refusals.find(([type]) => error instanceof type)
  if (known === undefined) throw error
  return new AirlockError(known[1], {}, { cause: error })
}
