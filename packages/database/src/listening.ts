import { backoffMs, resolvesWithin, sleep } from '@airlock/async'
import { type UploadState, uploadStates } from '@airlock/domain'
import { Client } from 'pg'
import type { DatabaseLog } from './options.ts'

export interface ListenOptions {
  /** A direct connection, not through a pooler: `listen` applies to one connection. */
  readonly url: string
  /** From now on no notification is missed. Earlier changes must be read from the tables. Called again after each `onLost`. */
  onReady(): void
  /** From now on notifications may be missed, until `onReady`: fall back to polling. Called once for each `onReady`. */
  onLost(): void
  readonly log: DatabaseLog
  /** The name of this process in `pg_stat_activity`. */
  readonly applicationName?: string
  /** How long to wait for the server, in ms: to connect, and to answer a heartbeat. Default 5000. */
  readonly timeoutMs?: number
  /** The interval of heartbeats in ms. A dead connection is detected within this time plus `timeoutMs`. Default 15000. */
  readonly signOfLifeMs?: number
  /** The longest pause before reconnecting, in ms; it doubles from 100 ms. Default 10000. */
  readonly longestPauseMs?: number
}

export interface Listening {
  /** Stops listening and closes the connection. `onReady` and `onLost` are not called afterwards. */
  close(): Promise<void>
}

const firstPauseMs = 100

/**
 * Keeps one connection that listens to a channel, and reconnects whenever it is lost. It never throws: while the server is unavailable it
 * retries, and logs that once.
 *
 * @param onPayload called for each notification, in the order of their commits
 */
function listen(channel: string, onPayload: (payload: string) => void, options: ListenOptions): Listening {
  const { onReady, onLost, log, longestPauseMs = 10_000 } = options
  const stopping = new AbortController()
  const { signal } = stopping

  /** A callback that throws must not close the connection. */
  const notify = (listener: () => void) => {
    if (signal.aborted) return
    try {
      listener()
    } catch (err) {
      log.warn({ err, channel }, 'listener for database notifications failed')
    }
  }

  const run = async () => {
    let failures = 0
    let state: 'beginning' | 'listening' | 'lost' = 'beginning'
    const ready = () => {
      if (state === 'lost') log.info({ channel }, 'listening for database notifications again')
      state = 'listening'
      failures = 0
      notify(onReady)
    }
    const lost = (err: unknown) => {
      if (signal.aborted) return
      if (state === 'listening') notify(onLost)
      if (state !== 'lost') log.warn({ err, channel }, 'not listening for database notifications, will reconnect')
      state = 'lost'
    }
    while (!signal.aborted) {
      await listenOnce(channel, options, signal, { payload: (payload) => notify(() => onPayload(payload)), ready, lost })
      failures += 1
      await sleep(backoffMs(failures, { firstMs: firstPauseMs, maxMs: longestPauseMs }), signal)
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

/** Listens until the connection is lost or the signal aborts. */
async function listenOnce(
  channel: string,
  { url, applicationName = 'airlock-listen', timeoutMs = 5_000, signOfLifeMs = 15_000 }: ListenOptions,
  signal: AbortSignal,
  on: { payload: (payload: string) => void; ready: () => void; lost: (why: unknown) => void },
): Promise<void> {
  const client = new Client({
    connectionString: url,
    application_name: applicationName,
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: signOfLifeMs,
  })
  const ended = new AbortController()
  const lost = Promise.withResolvers<never>()
  lost.promise.catch(() => {})
  client.on('error', lost.reject)
  client.on('end', () => lost.reject(new Error('Connection ended')))
  client.on('notification', ({ payload = '' }) => on.payload(payload))
  const stop = () => lost.reject(signal.reason)
  signal.addEventListener('abort', stop, { once: true })

  const live = async () => {
    await client.connect()
    await client.query(`listen ${channel}`)
    on.ready()
    for (;;) {
      await sleep(signOfLifeMs, ended.signal)
      if (ended.signal.aborted) return
      await client.query('select')
    }
  }
  try {
    await Promise.race([live(), lost.promise])
  } catch (error) {
    on.lost(error)
  }
  signal.removeEventListener('abort', stop)
  ended.abort()
  await end(client, timeoutMs)
}

/** Closes the connection. A hung server never does so itself: then the socket is destroyed. */
async function end(client: Client, timeoutMs: number): Promise<void> {
  const closed = client.end().catch(() => {}) // the error is already reported
  if (!(await resolvesWithin(closed, { ms: Math.min(timeoutMs, 1_000) }))) client.connection.stream.destroy()
  await closed
}

export interface MoveOptions extends ListenOptions {
  /** Called when an accepted upload has moved. The row has its current state. Acceptance itself is not notified. */
  onMove(uploadId: string, state: UploadState): void
}

/**
 * Listens for committed moves of accepted uploads, with one connection for a whole process.
 * To wait for an upload, subscribe first, and then read its row.
 *
 * @example const moves = listenForMoves({ url, log, onMove: (id) => wake(id), onReady: wakeAll, onLost: startPolling })
 */
export const listenForMoves = ({ onMove, ...options }: MoveOptions): Listening =>
  listen(
    'airlock_uploads',
    (payload) => {
      const [uploadId = '', state = ''] = payload.split(':')
      if (isState(state)) onMove(uploadId, state)
      else options.log.warn({ payload }, 'unknown notification on airlock_uploads')
    },
    options,
  )

const isState = (value: string): value is UploadState => (uploadStates as readonly string[]).includes(value)

export interface EventListenOptions extends ListenOptions {
  /** Called when an event without a position waits for a relay. */
  onEvent(): void
}

/** Listens for committed events that have no position yet. For relays. */
export const listenForEvents = ({ onEvent, ...options }: EventListenOptions): Listening =>
  listen('airlock_events', () => onEvent(), options)

export interface FeedListenOptions extends ListenOptions {
  /** Called when there are new events (see `events.after`), or an operator has replayed deliveries (see `webhooks.due`). */
  onMore(): void
}

/** Listens for events that got their positions. For readers and webhooks. */
export const listenForFeed = ({ onMore, ...options }: FeedListenOptions): Listening => listen('airlock_event_feed', () => onMore(), options)

export interface PurgeListenOptions extends ListenOptions {
  /** Called when there are objects to purge (see `purges.due`), once for each transaction. */
  onPurge(): void
}

/** Listens for committed requests to purge objects. */
export const listenForPurges = ({ onPurge, ...options }: PurgeListenOptions): Listening =>
  listen('airlock_purges', () => onPurge(), options)
