import { AirlockError } from '@airlock/domain'
import type { FastifyRequest } from 'fastify'

/** Who calls, from a verified token. */
export interface Caller {
  /** The user that the request is about: the token's own, or the one that a service acts for. */
  readonly id: string
  /** The token's user when it acts for another one (scope `service`), else null. */
  readonly actedBy: string | null
  readonly scopes: readonly string[]
  /** When the token ends, in ms since 1970. */
  readonly expiresAtMs: number
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the hook of `authentication` before the handler runs. */
    caller: Caller | null
  }
}

/** The caller of a route that has the authentication hook. */
export function callerOfRequest({ caller }: FastifyRequest): Caller {
  if (caller === null) throw new Error('the route has no authentication hook')
  return caller
}

/** @throws AirlockError `scope_missing` */
export function requireScope(request: FastifyRequest, scope: string): void {
  if (!callerOfRequest(request).scopes.includes(scope)) throw new AirlockError('scope_missing', { scope })
}
