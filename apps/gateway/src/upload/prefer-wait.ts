import type { IncomingHttpHeaders } from 'node:http'

/** Common proxies close an idle connection after 60 s; longer requested waits are reduced to this. */
const longestWaitSeconds = 25

/**
 * How long the client wants to wait for the finished assets, from `Prefer: wait=N` (RFC 7240, section 4.3), in seconds.
 *
 * @returns null if there is no such preference or its value is not a number: an invalid preference is ignored (section 2)
 */
export function preferredWait({ prefer }: IncomingHttpHeaders): number | null {
  for (const preference of [prefer ?? ''].flat().join(',').split(',')) {
    const seconds = /^\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:;.*)?$/i.exec(preference)?.[1]
    if (seconds !== undefined) return Math.min(Number(seconds), longestWaitSeconds)
  }
  return null
}
