import { randomInt } from 'node:crypto'
import getPort from 'get-port'

/**
 * Where ports are looked for: above the well-known servers, and below 32768, where systems begin to hand out
 * ports to outgoing connections. A port from that upper range may be taken between our look and the server's start.
 */
const range = { from: 20_000, to: 32_000 } as const

/** @returns a port on 127.0.0.1 that was free a moment ago, and that no other caller in this process has got. Another process may: try again then. */
export const freePort = (): Promise<number> =>
  getPort({ host: '127.0.0.1', port: Array.from({ length: 200 }, () => randomInt(range.from, range.to)) })

/** @returns as many ports as asked for, all different */
export const freePorts = (count: number): Promise<number[]> => Promise.all(Array.from({ length: count }, freePort))
