import type { ServerResponse } from 'node:http'
import { resolvesWithin } from '@airlock/async'
import type { UploadRecord } from '@airlock/database'
import { AirlockError } from '@airlock/domain'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Caller, callerOfRequest } from '../auth/caller.ts'
import type { Job } from '../responses/job.ts'
import { hasEnded, type MoveFeed } from './move-feed.ts'

/** Streams that one user may have open on one gateway. */
export const maxStreamsPerUser = 20

/** Proxies close idle connections; a comment keeps them open. */
const heartbeatMs = 15_000

export interface StreamDeps {
  feed: MoveFeed
  streams: OpenStreams
  /** Reads the upload again. */
  read(): Promise<UploadRecord>
  asJob(upload: UploadRecord): Promise<Job>
}

/** Counts the streams that each user has open on this gateway. */
export class OpenStreams {
  readonly #counts = new Map<string, number>()

  /** @returns a function that releases the stream. @throws AirlockError `too_many_streams` */
  enter({ id }: Caller): () => void {
    const open = this.#counts.get(id) ?? 0
    if (open >= maxStreamsPerUser) throw new AirlockError('too_many_streams', { limit: maxStreamsPerUser })
    this.#counts.set(id, open + 1)
    return () => {
      const left = (this.#counts.get(id) ?? 1) - 1
      if (left === 0) this.#counts.delete(id)
      else this.#counts.set(id, left)
    }
  }
}

/**
 * Sends a job each time it moves, as server-sent events (WHATWG HTML, section 9.2), until it ends, the client disconnects, the token expires, or
 * the gateway drains. The first event is a snapshot, so a client that reconnects has missed nothing.
 *
 * @throws AirlockError `too_many_streams` before anything was sent
 */
export async function streamJob(upload: UploadRecord, request: FastifyRequest, reply: FastifyReply, deps: StreamDeps): Promise<void> {
  const caller = callerOfRequest(request)
  const leave = deps.streams.enter(caller)
  reply.hijack()
  const { raw } = reply
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
    // otherwise a closing gateway would wait for the connection to become idle
    connection: 'close',
  })
  try {
    await sendMoves(upload, raw, endSignal(raw, caller, deps.feed), deps)
  } catch (err) {
    request.log.warn({ uploadId: upload.id, err }, 'event stream failed, the client will reconnect')
  } finally {
    leave()
    raw.end()
  }
}

/** Fires when the stream should end although the job has not. */
function endSignal(raw: ServerResponse, { expiresAtMs }: Caller, feed: MoveFeed): AbortSignal {
  const disconnected = new AbortController()
  raw.once('close', () => disconnected.abort())
  const longest = 2 ** 31 - 1
  return AbortSignal.any([
    disconnected.signal,
    feed.draining,
    AbortSignal.timeout(Math.min(Math.max(0, expiresAtMs - Date.now()), longest)),
  ])
}

async function sendMoves(upload: UploadRecord, raw: ServerResponse, end: AbortSignal, deps: StreamDeps): Promise<void> {
  let sent = -1
  let current = upload
  let moved = Promise.withResolvers<void>()
  const unfollow = deps.feed.follow(upload.id, () => moved.resolve())
  const heartbeat = setInterval(() => raw.write(': still here\n\n'), heartbeatMs)
  try {
    while (!end.aborted) {
      moved = Promise.withResolvers<void>()
      current = await deps.read()
      if (current.version > sent) {
        sent = current.version
        const more = raw.write(`id: ${sent}\nevent: job\ndata: ${JSON.stringify(await deps.asJob(current))}\n\n`)
        if (!more) await resolvesWithin(drained(raw), { ms: heartbeatMs, signal: end })
      }
      if (hasEnded(current)) return
      await resolvesWithin(moved.promise, { signal: end })
    }
  } finally {
    clearInterval(heartbeat)
    unfollow()
  }
}

const drained = (raw: ServerResponse): Promise<void> => new Promise((resolve) => raw.once('drain', () => resolve()))
