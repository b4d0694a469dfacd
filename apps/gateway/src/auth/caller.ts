import { AirlockError } from '@airlock/domain'
import type { FastifyRequest } from 'fastify'

/** The caller of a request, from a verified token. */
export interface Caller {
  /** The user on whose behalf the request is made: the token's subject, or the user for whom a service acts. */
  readonly id: string
  /** The token's subject if it acts for another user (scope `service`), else null. */
  readonly actedBy: string | null
  readonly scopes: readonly string[]
  /** When the token expires, in ms since 1970. */
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

/** Whether the caller may see and change the uploads of all users. */
export const isOperator = (request: FastifyRequest): boolean => callerOfRequest(request).scopes.includes('ops')

/** @throws AirlockError `scope_missing` */
export function requireScope(request: FastifyRequest, scope: string): void {
  if (!callerOfRequest(request).scopes.includes(scope)) throw new AirlockError('scope_missing', { scope })
}
