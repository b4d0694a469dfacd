import { setTimeout as pause } from 'node:timers/promises'
import { Client } from 'pg'
import type { DatabaseLog } from '../options.ts'

export interface ListenOptions {
  /** A direct connection, not through a pooler: what is listened to belongs to the connection. */
  readonly url: string
  /** From now on nothing is missed. What happened before must be read from the record. Called again after each `onLost`. */
  onReady(): void
  /** From now on something may be missed, until `onReady`: fall back to looking. Called once for each `onReady`. */
  onLost(): void
  readonly log: DatabaseLog
  /** How this process is called in `pg_stat_activity`. */
  readonly applicationName?: string
  /** For how many ms to wait for the server: to connect, and to answer a sign of life. Default 5000. */
  readonly timeoutMs?: number
  /** So many ms between signs of life: a connection that died silently is noticed within this and `timeoutMs`. Default 15000. */
  readonly signOfLifeMs?: number
  /** The longest pause in ms before connecting again; it doubles from 100 ms. Default 10000. */
  readonly longestPauseMs?: number
}

export interface Listening {
  /** Stops listening and ends the connection. Neither `onReady` nor `onLost` is called any more. */
  close(): Promise<void>
}

const firstPauseMs = 100

/**
 * Holds one connection that listens to a channel, and makes another whenever it is lost. Never throws: while the server is away it tries
 * again and again, and says so in the log, once.
 *
 * @param onPayload called for each notification, in the order of their commits
 */
export function listen(channel: string, onPayload: (payload: string) => void, options: ListenOptions): Listening {
  const { onReady, onLost, log, longestPauseMs = 10_000 } = options
  const stopping = new AbortController()
  const { signal } = stopping

  /** A listener of ours that throws must not end the connection for the others. */
  const tell = (listener: () => void) => {
    if (signal.aborted) return
    try {
      listener()
    } catch (err) {
      log.warn({ err, channel }, 'a listener to the database failed')
    }
  }

  const run = async () => {
    let pauseMs = firstPauseMs
    let state: 'beginning' | 'listening' | 'away' = 'beginning'
    const ready = () => {
      if (state === 'away') log.info({ channel }, 'listening to the database again')
      state = 'listening'
      pauseMs = firstPauseMs
      tell(onReady)
    }
    const lost = (err: unknown) => {
      if (signal.aborted) return
      if (state === 'listening') tell(onLost)
      if (state !== 'away') log.warn({ err, channel }, 'not listening to the database, will connect again')
      state = 'away'
    }
    while (!signal.aborted) {
      await listenOnce(channel, options, signal, { payload: (payload) => tell(() => onPayload(payload)), ready, lost })
      await pause(pauseMs * (0.5 + Math.random() / 2), null, { signal }).catch(() => {}) // the signal ends the loop
      pauseMs = Math.min(pauseMs * 2, longestPauseMs)
    }
  }

  const running = run()
  return {
    close: () => {
      stopping.abort()
      return running
    },
  }
}

/** Listens until the connection is lost or the signal comes. */
async function listenOnce(
  channel: string,
  { url, applicationName = 'airlock-listen', timeoutMs = 5_000, signOfLifeMs = 15_000 }: ListenOptions,
  signal: AbortSignal,
  tell: { payload: (payload: string) => void; ready: () => void; lost: (why: unknown) => void },
): Promise<void> {
  const client = new Client({
    connectionString: url,
    application_name: applicationName,
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: signOfLifeMs,
  })
  const over = new AbortController()
  const lost = Promise.withResolvers<never>()
  lost.promise.catch(() => {})
  client.on('error', lost.reject)
  client.on('end', () => lost.reject(new Error('Connection ended')))
  client.on('notification', ({ payload = '' }) => tell.payload(payload))
  const stop = () => lost.reject(signal.reason)
  signal.addEventListener('abort', stop, { once: true })

  const live = async () => {
    await client.connect()
    await client.query(`listen ${channel}`)
    tell.ready()
    for (;;) {
      await pause(signOfLifeMs, null, { signal: over.signal })
      await client.query('select')
    }
  }
  try {
    await Promise.race([live(), lost.promise])
  } catch (error) {
    tell.lost(error)
  }
  signal.removeEventListener('abort', stop)
  over.abort()
  await end(client, timeoutMs)
}

/** A server that hangs never answers a goodbye: then the connection is cut. */
async function end(client: Client, timeoutMs: number): Promise<void> {
  const cut = setTimeout(() => client.connection.stream.destroy(), Math.min(timeoutMs, 1_000))
  await client.end().catch(() => {}) // what broke has been told
  clearTimeout(cut)
}
