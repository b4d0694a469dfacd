import type { FastifyInstance } from 'fastify'

/** How much of a body that nobody wants is still read behind its answer, so that the client gets to see that answer. */
const lingering = { maxBytes: 8 * 1024 * 1024, maxMs: 5000 }

/**
 * An answer may go out before the body is read: a missing token, a form with eleven files. Closing at once would reset the connection, and
 * many clients would never see why. So the rest is read and dropped, for a bounded time and size, and only then the connection is cut.
 */
export function lingerOnUnreadBodies(app: FastifyInstance): void {
  app.addHook('onResponse', async ({ raw }) => {
    if (raw.complete || raw.destroyed) return
    let dropped = 0
    const cut = (): void => void raw.destroy()
    const timer = setTimeout(cut, lingering.maxMs)
    raw.on('data', (chunk: Buffer) => {
      dropped += chunk.byteLength
      if (dropped > lingering.maxBytes) cut()
    })
    raw.on('close', () => clearTimeout(timer))
    raw.on('end', () => clearTimeout(timer))
    raw.resume()
  })
}
