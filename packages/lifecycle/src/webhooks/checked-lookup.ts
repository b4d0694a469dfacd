import { promises as dns, type LookupAddress } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'

/** Says which addresses a name has, as `dns.lookup` does. */
export type Resolve = (hostname: string) => Promise<LookupAddress[]>

/**
 * Asks the system, and each name once at a time: a question that gets no answer holds one of the few threads that Node has for names and
 * files, however many wait for it.
 */
export function systemResolve(lookup: Resolve = (hostname) => dns.lookup(hostname, { all: true })): Resolve {
  const asked = new Map<string, Promise<LookupAddress[]>>()
  return (hostname) => {
    const answer = asked.get(hostname) ?? lookup(hostname).finally(() => asked.delete(hostname))
    asked.set(hostname, answer)
    return answer
  }
}

/** Which addresses may be connected to. */
export type MayCall = (address: string) => boolean

/** The endpoint is where we don't go. */
export class AddressRefused extends Error {
  override name = 'AddressRefused'
}

/**
 * The addresses that a connection may be made to. The socket gets exactly these: nobody asks a second time, so a name that means another
 * address by then changes nothing.
 *
 * One address that may not be called spoils the name: such a name is a mistake or a trick, and which of them a socket takes is up to it.
 */
export const checkedLookup =
  (resolve: Resolve, mayCall: MayCall): LookupFunction =>
  (hostname, { all }, done) => {
    const resolved = resolve(hostname).then((addresses) => {
      const [first] = addresses
      if (first === undefined) throw new AddressRefused(`${hostname} has no address`)
      const inside = addresses.find(({ address }) => !mayCall(address))
      if (inside !== undefined) throw new AddressRefused(`${hostname} has the address ${inside.address}, which is not public`)
      return { first, addresses }
    })
    resolved.then(
      ({ first, addresses }) => (all ? done(null, addresses) : done(null, first.address, first.family)),
      (error: Error) => done(error, []),
    )
  }

/**
 * A URL with an address instead of a name is never looked up, so it is checked before.
 *
 * @throws AddressRefused when it may not be called
 */
export function checkLiteralAddress({ hostname }: URL, mayCall: MayCall): void {
  const address = hostname.replace(/^\[(.*)\]$/, '$1')
  if (isIP(address) !== 0 && !mayCall(address)) throw new AddressRefused(`the address ${address} is not public`)
}
