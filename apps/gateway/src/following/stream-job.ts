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
  /** Reads uploads again; those that no longer exist are missing. */
  read(ids: readonly string[]): Promise<UploadRecord[]>
  asJobs(uploads: readonly UploadRecord[]): Promise<Job[]>
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

/** What a stream follows. */
export interface Followed {
  readonly ids: readonly string[]
  /** Ids of the request that are not jobs of the caller: the first event names them. */
  readonly unknown?: readonly string[]
}

/**
 * Sends jobs each time they move, as server-sent events (WHATWG HTML, section 9.2), until all have ended, the client disconnects, the token expires, or
 * the gateway drains. The first event of each job is a snapshot, so a client that reconnects has missed nothing.
 *
 * @throws AirlockError `too_many_streams` before anything was sent
 */
export async function streamJobs(
  { ids, unknown = [] }: Followed,
  request: FastifyRequest,
  reply: FastifyReply,
  deps: StreamDeps,
): Promise<void> {
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
    if (unknown.length > 0) raw.write(`event: unknown\ndata: ${JSON.stringify({ unknown })}\n\n`)
    await sendMoves(ids, raw, endSignal(raw, caller, deps.feed), deps)
  } catch (err) {
    request.log.warn({ uploadIds: ids, err }, 'event stream failed, the client will reconnect')
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

/** Uploads that move while others are read or sent are read together in the next round. */
async function sendMoves(ids: readonly string[], raw: ServerResponse, end: AbortSignal, deps: StreamDeps): Promise<void> {
  const sentVersions = new Map<string, number>()
  const open = new Set(ids)
  const moved = new Set(ids)
  let notified = Promise.withResolvers<void>()
  const unfollow = ids.map((id) =>
    deps.feed.follow(id, () => {
      moved.add(id)
      notified.resolve()
    }),
  )
  const heartbeat = setInterval(() => raw.write(': still here\n\n'), heartbeatMs)
  try {
    while (!end.aborted && open.size > 0) {
      notified = Promise.withResolvers()
      const read = [...moved].filter((id) => open.has(id))
      moved.clear()
      const uploads = read.length === 0 ? [] : await deps.read(read)
      const news = uploads.filter(({ id, version }) => version > (sentVersions.get(id) ?? -1))
      for (const { id, version } of news) sentVersions.set(id, version)
      const jobs = await deps.asJobs(news)
      const events = jobs.map((job) => `id: ${sentVersions.get(job.job_id)}\nevent: job\ndata: ${JSON.stringify(job)}\n\n`)
      if (events.length > 0 && !raw.write(events.join(''))) await resolvesWithin(drained(raw), { ms: heartbeatMs, signal: end })
      const unfinished = new Set(uploads.filter((upload) => !hasEnded(upload)).map(({ id }) => id))
      for (const id of read) if (!unfinished.has(id)) open.delete(id)
      if (open.size > 0) await resolvesWithin(notified.promise, { signal: end })
    }
  } finally {
    clearInterval(heartbeat)
    for (const leave of unfollow) leave()
  }
}

const drained = (raw: ServerResponse): Promise<void> => new Promise((resolve) => raw.once('drain', () => resolve()))
