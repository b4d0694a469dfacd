import { AirlockError, isUuid } from '@airlock/domain'
import type { FastifyRequest } from 'fastify'
import type { Caller } from './caller.ts'
import { type TokenRules, tokenVerifier } from './verify-token.ts'

export interface Authentication {
  /** A hook for routes that need a caller. It runs before the body is read. */
  authenticate(request: FastifyRequest): Promise<void>
  /** The caller of a request with a valid token, else null. The token is verified once per request. */
  identify(request: FastifyRequest): Promise<Caller | null>
}

/** Identifies the caller by the bearer token of a request (RFC 6750, section 2.1; never from the query, which appears in logs). */
export function authentication(rules: TokenRules): Authentication {
  const verify = tokenVerifier(rules)
  const callers = new WeakMap<FastifyRequest, Promise<Caller>>()
  const callerOf = (request: FastifyRequest): Promise<Caller> => {
    const known = callers.get(request) ?? callerOfHeaders(request, verify)
    callers.set(request, known)
    return known
  }
  return {
    authenticate: async (request) => {
      request.caller = await callerOf(request)
    },
    identify: (request) => callerOf(request).catch(() => null), // `authenticate` reports the reason
  }
}

async function callerOfHeaders({ headers }: FastifyRequest, verify: (token: string) => Promise<Caller>): Promise<Caller> {
  const { authorization } = headers
  const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
  if (token === undefined) throw new AirlockError(authorization === undefined ? 'token_missing' : 'token_malformed', {})
  return onBehalf(await verify(token), headers['airlock-on-behalf-of'])
}

/** A service may act for a user; `actedBy` records the service. */
function onBehalf(caller: Caller, user: string | string[] | undefined): Caller {
  if (user === undefined) return caller
  if (!caller.scopes.includes('service')) throw new AirlockError('scope_missing', { scope: 'service' })
  if (typeof user !== 'string' || !isUuid(user))
    throw new AirlockError('request_malformed', { reason: 'Airlock-On-Behalf-Of must be a UUID' })
  return { ...caller, id: user.toLowerCase(), actedBy: caller.id }
}
