import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

/** How many ports after the wanted one are tried before we give up. */
const tries = 100

/** The wanted port is in use, and the person asked for this one and no other. */
export class PortTaken extends Error {
  override name = 'PortTaken'
}

/**
 * The port that a person asked for, or a free one. It is free now, not reserved.
 *
 * @param host address to listen on
 * @param name the variable, for messages
 * @param asked its text: empty or absent → `preset` or the next free port, `0` → any free port
 * @param taken ports that are spoken for already
 * @throws PortTaken when a port was named and is in use, or a hundred in a row are
 */
export async function choosePort(
  host: string,
  name: string,
  asked: string | undefined,
  preset: number,
  taken: readonly number[] = [],
): Promise<number> {
  if (asked === undefined || asked.trim() === '') return nextFreePort(host, preset, taken)
  const port = Number(asked)
  if (!/^\d+$/.test(asked.trim()) || port > 65_535) throw new Error(`${name} is '${asked}': a whole number from 0 to 65535`)
  const free = await boundPort(host, port)
  if (free === null) throw new PortTaken(`${name}=${port} is in use on ${host}; without ${name} the next free port is taken`)
  return free
}

async function nextFreePort(host: string, from: number, taken: readonly number[]): Promise<number> {
  for (let port = from; port < from + tries; port++) {
    if (!taken.includes(port) && (await boundPort(host, port)) !== null) return port
  }
  throw new PortTaken(`ports ${from} to ${from + tries - 1} are all in use on ${host}`)
}

/** Listens for a moment; the port that was got, or null when it is in use or needs more rights than we have. */
async function boundPort(host: string, port: number): Promise<number | null> {
  const server = createServer()
  try {
    server.listen(port, host)
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE' || code === 'EACCES') return null
    throw error
  } finally {
    await new Promise((resolve) => server.close(resolve))
  }
}
