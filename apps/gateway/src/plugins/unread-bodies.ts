import type { FastifyInstance, FastifyReply } from 'fastify'

/** How much of a body that nobody wants is still read after its answer, so that the client gets to see that answer. */
interface Lingering {
  readonly maxBytes: number
  readonly maxMs: number
}

/** For users who may send. Many clients look for an answer only when they have sent everything. */
const forUsers: Lingering = { maxBytes: 8 * 1024 * 1024, maxMs: 5000 }

/** For everybody whom we do not know, or who has sent too much already: a flood must not be read. What is on its way anyway comes to this. */
const forOthers: Lingering = { maxBytes: 64 * 1024, maxMs: 2000 }

/**
 * An answer may go out before the body is read: a missing token, a form with eleven files. Closing at once would reset the connection, and
 * many clients would never see why. So some of the rest is read and dropped. After that nothing is read any more, and the connection stays open
 * for the rest of a bounded time, in which the client can see its answer; then it is cut.
 */
export function lingerOnUnreadBodies(app: FastifyInstance): void {
  app.addHook('onSend', async ({ raw }) => {
    // A body that nobody has begun to read when its answer ends, Node reads to its end, past any bound (`_dump` in _http_incoming.js).
    if (!raw.complete && !raw.destroyed && raw.readableFlowing === null) raw.read()
  })
  app.addHook('onResponse', async ({ raw, caller }, reply) => {
    if (raw.complete || raw.destroyed) return
    const { maxBytes, maxMs } = caller === null || isRefusal(reply) ? forOthers : forUsers
    let dropped = 0
    const timer = setTimeout(() => raw.destroy(), maxMs)
    raw.on('data', (chunk: Buffer) => {
      dropped += chunk.byteLength
      if (dropped > maxBytes) raw.pause()
    })
    raw.on('close', () => clearTimeout(timer))
    raw.on('end', () => clearTimeout(timer))
    raw.resume()
  })
}

const isRefusal = ({ statusCode }: FastifyReply): boolean => statusCode === 401 || statusCode === 429
