import { AirlockError } from '@airlock/domain'
import type { FastifyRequest } from 'fastify'
import { SignJWT } from 'jose'
import type { TokenRules } from '../auth/verify-token.ts'

/** The user of the page, and of the commands in the README: both see the same assets. */
const userId = '0198c0de-0000-7000-8000-000000000001'

const validSeconds = 900

export interface TryToken {
  readonly token: string
  readonly user_id: string
  readonly expires_in_seconds: number
}

/** @returns a function that signs a token for the page, or null if this gateway only verifies tokens of another issuer */
export function tryTokens({ secrets, algorithms, issuer, audience }: TokenRules): (() => Promise<TryToken>) | null {
  const [secret] = secrets
  if (secret === undefined || algorithms?.includes('HS256') === false) return null
  const key = new TextEncoder().encode(secret)
  return async () => {
    const token = new SignJWT({ ...(issuer !== null && { iss: issuer }), ...(audience !== null && { aud: audience }) })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setSubject(userId)
      .setIssuedAt()
      .setExpirationTime(`${validSeconds} s`)
    return { token: await token.sign(key), user_id: userId, expires_in_seconds: validSeconds }
  }
}

/**
 * Accepts only requests of the page itself, in a browser on this machine. Each check is there for one attack: the peer for other machines; the headers of
 * proxies for a proxy on this machine that forwards their requests; `Host` for a name that an attacker lets resolve to this machine (DNS rebinding);
 * `Origin` and `Sec-Fetch-Site` for other pages in the same browser.
 *
 * @throws AirlockError `route_not_found`: for everybody else there is no such route
 */
export function assertOwnPage(request: FastifyRequest): void {
  const { headers, socket, method, url } = request
  const { host = '', origin, via, forwarded, 'sec-fetch-site': site = 'same-origin' } = headers
  const isForwarded = via !== undefined || forwarded !== undefined || Object.keys(headers).some((name) => name.startsWith('x-forwarded-'))
  const isOwn = isLoopbackPeer(socket.remoteAddress) && !isForwarded && isLoopbackHost(host) && origin === `http://${host}`
  if (isOwn && site === 'same-origin') return
  request.log.info(
    { host, origin, peer: socket.remoteAddress },
    'token for the try page refused: not requested by the page on this machine',
  )
  throw new AirlockError('route_not_found', { method, path: url })
}

const isLoopbackPeer = (address = ''): boolean => /^(?:::ffff:)?127\.\d+\.\d+\.\d+$|^::1$/.test(address)

const isLoopbackHost = (host: string): boolean => /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$/.test(host)
