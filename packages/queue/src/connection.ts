import { Redis } from 'ioredis'

export interface ConnectionEvents {
  /** Called with each error of the connection, which reconnects automatically. */
  onError(error: Error): void
}

/** The longest that a caller waits for one command, in ms. */
export const commandTimeoutMs = 1500

/** The longest wait between two attempts to connect, in ms. */
const reconnectCapMs = 2000

const reconnectAfter = (times: number): number => Math.min(50 * 2 ** Math.min(times, 10), reconnectCapMs)

/**
 * A connection for callers that must not wait: commands fail at once while Redis is unavailable, and after 1.5 s when it does not respond.
 * If Redis is unavailable at the start, the connection is made once it is available.
 */
export function failFastConnection(url: string, { onError }: ConnectionEvents): Redis {
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: commandTimeoutMs,
    connectTimeout: 2000,
    retryStrategy: reconnectAfter,
  })
  redis.on('error', onError)
  return redis
}

export interface ConnectTimeouts extends ConnectionEvents {
  /** The time without a byte after which the connection is replaced, in ms; absent: never. */
  silentMs?: number
}

const blockingOptions = ({ silentMs }: ConnectTimeouts) => ({
  maxRetriesPerRequest: null,
  connectTimeout: 5000,
  retryStrategy: reconnectAfter,
  ...(silentMs === undefined ? {} : { socketTimeout: silentMs }),
})

/** A connection for workers, whose blocking reads outlast any command timeout. It waits for Redis without a limit. */
export function blockingConnection(url: string, timeouts: ConnectTimeouts): Redis {
  const redis = new Redis(url, blockingOptions(timeouts))
  redis.on('error', timeouts.onError)
  return redis
}

/** A blocking connection to the server of another connection. */
export function blockingDuplicate(connection: Redis, timeouts: ConnectTimeouts): Redis {
  const redis = connection.duplicate({ ...blockingOptions(timeouts), enableOfflineQueue: true, lazyConnect: false })
  delete redis.options.commandTimeout // a blocking read outlasts it
  redis.on('error', timeouts.onError)
  return redis
}
