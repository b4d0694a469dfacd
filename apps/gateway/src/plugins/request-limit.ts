import { isIP } from 'node:net'
import { AirlockError } from '@airlock/domain'
import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Redis } from 'ioredis'
import type { Caller } from './auth.ts'

export interface RequestLimit {
  perMinute: number
  redis: Redis
  /** Before the keys of the counters. */
  keyPrefix: string
}

/** Where a request comes from: the address that a trusted proxy wrote down, or where that is none, the other end of the connection. */
const addressOf = ({ ip, socket }: FastifyRequest): string => (isIP(ip) === 0 ? (socket.remoteAddress ?? '') : ip)

export interface RequestLimitDeps extends RequestLimit {
  /** The caller of a good token, or null. */
  identify(request: FastifyRequest): Promise<Caller | null>
  /** @throws when Redis is away, at once where that is known */
  throughRedis<T>(ask: () => Promise<T>): Promise<T>
}

const minuteMs = 60_000

/** What monitors ask again and again, and what a load balancer decides by. */
const exempt = new Set(['/metrics', '/api/health', '/health/live', '/health/ready'])

/** A user or an address has sent more than its minute's share. */
export class TooManyRequests extends AirlockError<'too_many_requests'> {
  readonly retryAfterSeconds: number

  constructor(limit: number, retryAfterSeconds: number) {
    super('too_many_requests', { limit })
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/**
 * Bounds the requests of a user, or of an address that shows no good token, over all gateways: a counter a minute in Redis. It runs before
 * the body is read. It protects us, it is no promise: while Redis is away everybody passes.
 */
export async function limitRequests(app: FastifyInstance, deps: RequestLimitDeps): Promise<void> {
  const { perMinute, redis, keyPrefix, identify, throughRedis } = deps
  await app.register(rateLimit, { global: false, redis, nameSpace: `${keyPrefix}:requests:` })
  const keys = new WeakMap<FastifyRequest, string>()
  const count = app.createRateLimit({
    max: perMinute,
    timeWindow: minuteMs,
    keyGenerator: async (request) => keys.get(request) ?? '',
  })
  app.addHook('onRequest', async (request, reply) => {
    if (exempt.has(request.routeOptions.url ?? '')) return
    const caller = await identify(request)
    // not within what may fail for Redis alone: a request that nobody can tell whose it is must not pass uncounted
    keys.set(request, caller === null ? `address:${networkOf(addressOf(request))}` : `user:${caller.id}`)
    const counted = await throughRedis(() => count(request)).catch((err: unknown) => {
      request.log.debug({ err }, 'requests are not counted, Redis is away')
      return null
    })
    if (counted === null || counted.isAllowed) return
    const { remaining, ttlInSeconds, isExceeded } = counted
    const seconds = Math.max(1, ttlInSeconds)
    // draft-ietf-httpapi-ratelimit-headers
    reply.header('ratelimit-policy', `"requests-per-minute";q=${perMinute};w=60`)
    reply.header('ratelimit', `"requests-per-minute";r=${remaining};t=${seconds}`)
    if (isExceeded) throw new TooManyRequests(perMinute, seconds)
  })
}

/** One person has a whole /64 of IPv6: the first four groups say who it is. */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  const [front = '', back] = address.split('%')[0]?.split('::') ?? []
  const groups = front === '' ? [] : front.split(':')
  const behind = back === undefined || back === '' ? [] : back.split(':')
  const all = back === undefined ? groups : [...groups, ...Array<string>(8 - groups.length - behind.length).fill('0'), ...behind]
  return `${all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}
