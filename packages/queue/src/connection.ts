import { Redis } from 'ioredis'

export interface ConnectionEvents {
  /** Called for each error of the connection; it goes on trying by itself. */
  onError(error: Error): void
}

/** The longest that a caller waits for one command, in ms. */
export const commandTimeoutMs = 1500

/** The longest wait between two tries to connect, in ms. */
const reconnectCapMs = 2000

const reconnectAfter = (times: number): number => Math.min(50 * 2 ** Math.min(times, 10), reconnectCapMs)

/**
 * A connection for those who must not wait: commands fail at once while Redis is away, and after 1.5 s when it is silent.
 * Being away at the start is no error; the connection comes when Redis does.
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
  /** After so many ms without a byte the connection is made anew; left out, it is trusted. */
  silentMs?: number
}

const blockingOptions = ({ silentMs }: ConnectTimeouts) => ({
  maxRetriesPerRequest: null,
  connectTimeout: 5000,
  retryStrategy: reconnectAfter,
  ...(silentMs === undefined ? {} : { socketTimeout: silentMs }),
})

/** A connection for workers, whose blocking reads outlast any command timeout. It waits for Redis for as long as it takes. */
export function blockingConnection(url: string, timeouts: ConnectTimeouts): Redis {
  const redis = new Redis(url, blockingOptions(timeouts))
  redis.on('error', timeouts.onError)
  return redis
}

/** A patient connection to where another one leads. */
export function blockingDuplicate(connection: Redis, timeouts: ConnectTimeouts): Redis {
  const redis = connection.duplicate({ ...blockingOptions(timeouts), enableOfflineQueue: true, lazyConnect: false })
  delete redis.options.commandTimeout // a blocking read outlasts it
  redis.on('error', timeouts.onError)
  return redis
}
