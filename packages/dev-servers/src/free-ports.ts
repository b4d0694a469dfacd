import { randomInt } from 'node:crypto'
import getPort from 'get-port'
import type { StackContext } from './server.ts'

/**
 * The range of ports: above well-known servers, and below 32768, from where systems assign ports to outgoing connections. A port of that upper range could
 * be taken between the check and the server's start.
 */
const range = { from: 20_000, to: 32_000 } as const

/** @returns a free port on 127.0.0.1 that no other caller in this process got. Another process may take it: then try again. */
export const freePort = (): Promise<number> =>
  getPort({ host: '127.0.0.1', port: Array.from({ length: 200 }, () => randomInt(range.from, range.to)) })

/** @returns the given number of different ports */
export const freePorts = (count: number): Promise<number[]> => Promise.all(Array.from({ length: count }, freePort))

/**
 * The port of the store, the same at each start, so that presigned URLs of earlier runs keep working: a URL names the port, and its signature covers it.
 *
 * @returns the port of the first start, or a free one for this run if another program has taken it
 */
export async function storePort({ file, say }: Pick<StackContext, 'file' | 'say'>): Promise<number> {
  const kept = file.record.data.s3?.port
  if (kept === undefined || (await getPort({ host: '127.0.0.1', port: kept })) === kept) return kept ?? freePort()
  say(`Port ${kept} of the object store is in use by another program, so presigned URLs of earlier runs do not work during this one`)
  return freePort()
}
