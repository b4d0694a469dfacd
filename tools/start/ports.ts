import getPort from 'get-port'

/** Number of ports that are tried after the wanted one. */
const tries = 100

/**
 * The requested port, or a free one. It is not reserved.
 *
 * @param host address to listen on
 * @param name the variable, for messages
 * @param asked its value: empty or absent → `preset` or the next free port, `0` → any free port
 * @param taken ports that are already assigned
 * @throws Error if a requested port is in use, or a hundred consecutive ones are
 */
export async function choosePort(
  host: string,
  name: string,
  asked: string | undefined,
  preset: number,
  taken: readonly number[] = [],
): Promise<number> {
  if (asked === undefined || asked.trim() === '') {
    const candidates = Array.from({ length: tries }, (_, index) => preset + index)
    const port = await getPort({ host, port: candidates, exclude: taken })
    if (candidates.includes(port)) return port
    throw new Error(`ports ${preset} to ${preset + tries - 1} are all in use on ${host}`)
  }
  const port = Number(asked)
  if (!/^\d+$/.test(asked.trim()) || port > 65_535) throw new Error(`${name} is '${asked}': a whole number from 0 to 65535`)
  const free = await getPort({ host, port })
  if (port !== 0 && free !== port) throw new Error(`${name}=${port} is in use on ${host}; without ${name} the next free port is taken`)
  return free
}
