import { AirlockError, type ErrorCode, isUuid } from '@airlock/domain'
import type { FastifyRequest } from 'fastify'
import { errors, jwtVerify } from 'jose'

/** Who calls, from a verified token. */
export interface Caller {
  readonly id: string
  readonly scopes: readonly string[]
  /** When the token ends, in ms since 1970. */
  readonly expiresAtMs: number
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by `authenticated` before the handler runs. */
    caller: Caller | null
  }
}

/** What two honest clocks may differ by. */
const clockLeewaySeconds = 60

/** The only algorithm that a token may be signed with; the token's own header is not asked (RFC 8725, section 3.1). */
const algorithms = ['HS256']

/**
 * A hook for routes that need a caller. It runs before the body is read.
 *
 * @param secrets any of them may have signed (rotation)
 */
export function authenticated(secrets: readonly string[]): (request: FastifyRequest) => Promise<void> {
  const keys = secrets.map((secret) => new TextEncoder().encode(secret))
  return async (request) => {
    request.caller = await callerOf(request.headers.authorization, keys)
  }
}

/** The caller of a route that has the `authenticated` hook. */
export function callerOfRequest({ caller }: FastifyRequest): Caller {
  if (caller === null) throw new Error('the route has no authentication hook')
  return caller
}

/** @throws AirlockError `scope_missing` */
export function requireScope(request: FastifyRequest, scope: string): void {
  if (!callerOfRequest(request).scopes.includes(scope)) throw new AirlockError('scope_missing', { scope })
}

async function callerOf(header: string | undefined, keys: readonly Uint8Array[]): Promise<Caller> {
  const token = /^Bearer +(\S+)$/i.exec(header ?? '')?.[1]
  if (token === undefined) throw new AirlockError(header === undefined ? 'token_missing' : 'token_malformed', {})
  let refused: AirlockError | null = null
  for (const key of keys) {
    try {
      const { payload } = await jwtVerify(token, key, { algorithms, requiredClaims: ['sub', 'exp'], clockTolerance: clockLeewaySeconds })
      if (typeof payload.sub !== 'string' || !isUuid(payload.sub)) throw new AirlockError('token_malformed', {})
      return { id: payload.sub.toLowerCase(), scopes: scopesOf(payload.scope), expiresAtMs: (payload.exp ?? 0) * 1000 }
    } catch (error) {
      if (error instanceof AirlockError) throw error
      refused = new AirlockError(refusalOf(error), {}, { cause: error })
      if (refused.code !== 'token_invalid') throw refused
    }
  }
  throw refused ?? new AirlockError('token_invalid', {})
}

const refusals: ReadonlyArray<[new (...args: never[]) => Error, ErrorCode & `token_${string}`]> = [
  [errors.JWTExpired, 'token_expired'],
  [errors.JWTClaimValidationFailed, 'token_malformed'],
  [errors.JWTInvalid, 'token_malformed'],
  [errors.JWSInvalid, 'token_malformed'],
  [errors.JOSEAlgNotAllowed, 'token_invalid'],
  [errors.JOSENotSupported, 'token_invalid'],
  [errors.JWSSignatureVerificationFailed, 'token_invalid'],
]

function refusalOf(error: unknown): ErrorCode & `token_${string}` {
  const known = refusals.find(([type]) => error instanceof type)
  if (known === undefined) throw error
  return known[1]
}

/** Space-separated, as OAuth has it (RFC 8693, section 4.2). */
const scopesOf = (scope: unknown): string[] => (typeof scope === 'string' ? scope.split(/[ ,]+/).filter(Boolean) : [])
