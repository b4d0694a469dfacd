import type { IncomingHttpHeaders } from 'node:http'

/** Common proxies give up a silent connection after 60 s; what a client asks beyond this is lowered. */
const longestWaitSeconds = 25

/**
 * How long the client would like to wait for the finished assets, out of `Prefer: wait=N` (RFC 7240, section 4.3), in seconds.
 *
 * @returns null when it does not ask, or asks for something that is no number: a preference that can't be read is ignored (section 2)
 */
export function preferredWait({ prefer }: IncomingHttpHeaders): number | null {
  for (const preference of [prefer ?? ''].flat().join(',').split(',')) {
    const seconds = /^\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:;.*)?$/i.exec(preference)?.[1]
    if (seconds !== undefined) return Math.min(Number(seconds), longestWaitSeconds)
  }
  return null
}
