import type { Redis } from 'ioredis'

/** The requests of a user or an address in the current minute. */
export interface Counted {
  readonly isExceeded: boolean
  readonly remaining: number
  /** Until the minute ends. */
  readonly seconds: number
}

export interface RequestCounterOptions {
  redis: Redis
  perMinute: number
  /** Prefix of the counters' keys. */
  prefix: string
  /** How many keys may have reserved requests at once. */
  maxReserved?: number
}

const minuteMs = 60_000

/** One reservation takes at most this part of the requests that are left. */
const reservedPart = 100

/**
 * Counts a request and, from the second one of a minute on, reserves a part of those that are left. The fewer are left the smaller the part, so
 * the limit itself is exact.
 */
const countRequest = `
  local counted = redis.call('INCR', KEYS[1])
  local ttl = redis.call('PTTL', KEYS[1])
  if ttl < 0 then
    redis.call('PEXPIRE', KEYS[1], ${minuteMs})
    ttl = ${minuteMs}
  end
  local reserved = 0
  if counted > 1 and ARGV[2] == '1' then
    reserved = math.max(0, math.floor((tonumber(ARGV[1]) - counted) / ${reservedPart}))
    if reserved > 0 then counted = redis.call('INCRBY', KEYS[1], reserved) end
  end
  return {counted, ttl, reserved}`

type CountRequest = (key: string, limit: number, mayReserve: 0 | 1) => Promise<[counted: number, ttlMs: number, reserved: number]>

interface Reservation {
  left: number
  counted: number
  readonly endsAt: number
}

/**
 * Counts requests per minute in Redis, for all gateways together. It reserves requests, so that most of them cost no round trip: with the default
 * limit, one in sixty.
 *
 * Requests that a gateway has reserved and that do not arrive there count nevertheless. So a user who sends to several gateways may be refused
 * slightly early, by a hundredth of the limit for each gateway, and nobody is refused late.
 */
export class RequestCounter {
  readonly #options: Required<RequestCounterOptions>
  readonly #count: CountRequest
  /** In the order of the beginning of their minutes. */
  readonly #reservations = new Map<string, Reservation>()

  constructor({ maxReserved = 10_000, ...options }: RequestCounterOptions) {
    this.#options = { maxReserved, ...options }
    const { redis } = options
    redis.defineCommand('airlockCountRequest', { numberOfKeys: 1, lua: countRequest })
    const { airlockCountRequest } = redis as unknown as { airlockCountRequest: CountRequest }
    this.#count = airlockCountRequest.bind(redis)
  }

  /** Counts a request of the reserved ones. @returns null if there is none: then call `count` */
  countReserved(key: string): Counted | null {
    const reservation = this.#reservations.get(key)
    if (reservation === undefined) return null
    const now = performance.now()
    if (reservation.left === 0 || now >= reservation.endsAt) {
      this.#reservations.delete(key)
      return null
    }
    reservation.left -= 1
    return this.#asCounted(reservation, now)
  }

  /** Counts a request in Redis. @throws the errors of Redis */
  async count(key: string): Promise<Counted> {
    const { perMinute, prefix } = this.#options
    const [counted, ttlMs, reserved] = await this.#count(prefix + key, perMinute, this.#mayReserve() ? 1 : 0)
    const now = performance.now()
    const left = reserved + (this.#reservations.get(key)?.left ?? 0)
    const reservation = { left, counted, endsAt: now + ttlMs }
    if (left > 0) this.#reservations.set(key, reservation)
    return this.#asCounted(reservation, now)
  }

  #asCounted({ left, counted, endsAt }: Reservation, now: number): Counted {
    const { perMinute } = this.#options
    return {
      isExceeded: counted - left > perMinute,
      remaining: Math.max(0, perMinute - counted + left),
      // without `round`, (now + 60,000) - now is slightly more than 60,000 for one in five values, which would be 61 s
      seconds: Math.ceil(Math.round(endsAt - now) / 1000),
    }
  }

  /**
   * Bounds the memory. If many addresses send, those that come later are counted without reservations; reservations of others are not dropped for
   * them, because those requests would be lost to their users.
   */
  #mayReserve(): boolean {
    if (this.#reservations.size < this.#options.maxReserved) return true
    const now = performance.now()
    for (const [key, { endsAt }] of this.#reservations) {
      if (endsAt > now) break
      this.#reservations.delete(key)
    }
    return this.#reservations.size < this.#options.maxReserved
  }
}
