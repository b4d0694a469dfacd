import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream/promises'

/** The way to a store on which each answer to a LIST takes longer, and every other answer does not. */
export interface SlowListing {
  /** Where the store is reached this way. */
  url: string
  /** How often a LIST has been asked for. */
  lists(): number
  close(): Promise<void>
}

/**
 * Opens a way to a store that delays LIST alone.
 *
 * @param endpoint the store's own address
 * @param delayMs how much later a LIST is answered, in ms
 */
export async function slowListing(endpoint: string, delayMs: number): Promise<SlowListing> {
  const { hostname, port } = new URL(endpoint)
  let lists = 0
  const passOn = async (from: IncomingMessage, to: ServerResponse): Promise<void> => {
    const isList = /[?&]list-type=2/.test(from.url ?? '')
    if (isList) {
      lists += 1
      await new Promise((resolve) => setTimeout(resolve, delayMs))
    }
    const { method = 'GET', url = '/', headers } = from
    const onwards = request({ hostname, port, method, path: url, headers })
    const [answer] = await Promise.all([once(onwards, 'response').then(([got]) => got as IncomingMessage), pipeline(from, onwards)])
    to.writeHead(answer.statusCode ?? 502, answer.headers)
    await pipeline(answer, to)
  }
  const server = createServer((from, to) => {
    passOn(from, to).catch(() => to.destroy()) // whoever asked went away, or the store did: the other side sees it
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    lists: () => lists,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
