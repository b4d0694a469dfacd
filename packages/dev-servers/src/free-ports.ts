import { randomInt } from 'node:crypto'
import { createServer, type Server } from 'node:net'

/**
 * Where ports are looked for: above the well-known servers, and below 32768, where systems begin to hand out
 * ports to outgoing connections. A port from that upper range may be taken between our look and the server's start.
 */
const range = { from: 20_000, to: 32_000 } as const

/** @returns ports on 127.0.0.1 that were free a moment ago, all different. Two callers at once may get the same one: let the server try, and ask again. */
export async function freePorts(count: number): Promise<number[]> {
  const held: Server[] = []
  try {
    for (let tries = 0; held.length < count; tries++) {
      if (tries > 200) throw new Error(`No ${count} free ports between ${range.from} and ${range.to} on 127.0.0.1`)
      const server = await listen(randomInt(range.from, range.to))
      if (server) held.push(server)
    }
    return held.map(portOf)
  } finally {
    await Promise.all(held.map((server) => new Promise((closed) => server.close(closed))))
  }
}

/** @returns one free port on 127.0.0.1: the preferred one if it is free. */
export async function freePort(preferred?: number): Promise<number> {
  const server = preferred === undefined ? null : await listen(preferred)
  if (server === null) return (await freePorts(1))[0] as number
  const port = portOf(server)
  await new Promise((closed) => server.close(closed))
  return port
}

function listen(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(null))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(server))
  })
}

const portOf = (server: Server) => (server.address() as { port: number }).port
