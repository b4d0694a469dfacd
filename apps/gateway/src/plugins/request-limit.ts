import { isIP } from 'node:net'
import { AirlockError } from '@airlock/domain'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Redis } from 'ioredis'
import type { Caller } from '../auth/caller.ts'
import { RequestCounter } from './request-counter.ts'

export interface RequestLimit {
  perMinute: number
  redis: Redis
  /** Prefix of the counters' keys. */
  keyPrefix: string
}

/** The client's address from a trusted proxy, or the peer of the connection if that is not a valid address. */
const addressOf = ({ ip, socket }: FastifyRequest): string => (isIP(ip) === 0 ? (socket.remoteAddress ?? '') : ip)

export interface RequestLimitDeps extends RequestLimit {
  /** The caller of a valid token, or null. */
  identify(request: FastifyRequest): Promise<Caller | null>
  /** @throws if Redis is unavailable, at once if that is known */
  throughRedis<T>(ask: () => Promise<T>): Promise<T>
}

/** Polled by monitoring and load balancers. */
const exempt = new Set(['/metrics', '/api/health', '/health/live', '/health/ready'])

/** A user or an address has exceeded its requests per minute. */
class TooManyRequests extends AirlockError<'too_many_requests'> {
  readonly retryAfterSeconds: number

  constructor(limit: number, retryAfterSeconds: number) {
    super('too_many_requests', { limit })
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/**
 * Limits the requests of a user, or of an address without a valid token, over all gateways, with a counter per minute in Redis. It runs before
 * the body is read. It is a protection, not a guarantee: while Redis is unavailable, requests are not limited.
 */
export function limitRequests(app: FastifyInstance, { perMinute, redis, keyPrefix, identify, throughRedis }: RequestLimitDeps): void {
  const counter = new RequestCounter({ redis, perMinute, prefix: `${keyPrefix}:requests:` })
  const policy = `"requests-per-minute";q=${perMinute};w=60`
  app.addHook('onRequest', async (request, reply) => {
    if (exempt.has(request.routeOptions.url ?? '')) return
    const caller = await identify(request)
    // outside of the catch below, which is for Redis only: a request must not go uncounted because its caller cannot be identified
    const key = caller === null ? `address:${networkOf(addressOf(request))}` : `user:${caller.id}`
    const counted =
      counter.countReserved(key) ??
      (await throughRedis(() => counter.count(key)).catch((err: unknown) => {
        request.log.debug({ err }, 'request not counted, Redis is unavailable')
        return null
      }))
    if (counted === null) return
    const seconds = Math.max(1, counted.seconds)
    // draft-ietf-httpapi-ratelimit-headers
    reply.header('ratelimit-policy', policy)
    reply.header('ratelimit', `"requests-per-minute";r=${counted.remaining};t=${seconds}`)
    if (counted.isExceeded) throw new TooManyRequests(perMinute, seconds)
  })
}

/** One client usually has a whole /64 of IPv6, so only the first four groups count. */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  const [front = '', back] = address.split('%')[0]?.split('::') ?? []
  const groups = front === '' ? [] : front.split(':')
  const tail = back === undefined || back === '' ? [] : back.split(':')
  const all = back === undefined ? groups : [...groups, ...Array<string>(8 - groups.length - tail.length).fill('0'), ...tail]
  return `${all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}
