import { promises as dns, type LookupAddress } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'

/** Resolves a name to its addresses, as `dns.lookup` does. */
export type Resolve = (hostname: string) => Promise<LookupAddress[]>

/**
 * Resolves names through the system, with at most one concurrent lookup per name: a lookup without an answer blocks one of the few threads that
 * Node has for names and files.
 */
export function systemResolve(lookup: Resolve = (hostname) => dns.lookup(hostname, { all: true })): Resolve {
  const pending = new Map<string, Promise<LookupAddress[]>>()
  return (hostname) => {
    const answer = pending.get(hostname) ?? lookup(hostname).finally(() => pending.delete(hostname))
    pending.set(hostname, answer)
    return answer
  }
}

/** Whether connecting to an address is allowed. */
export type MayCall = (address: string) => boolean

/** The endpoint has an address that is not allowed. */
export class AddressRefused extends Error {
  override name = 'AddressRefused'
}

/**
 * The addresses of a name that a connection may use. The socket gets exactly these: the name is not resolved a second time, so DNS rebinding has
 * no effect.
 *
 * If one of the addresses is not allowed, the name is refused: it is a mistake or an attack, and the socket may choose any of them.
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
 * @throws AddressRefused when it is not allowed
 */
export function checkLiteralAddress({ hostname }: URL, mayCall: MayCall): void {
  const address = hostname.replace(/^\[(.*)\]$/, '$1')
  if (isIP(address) !== 0 && !mayCall(address)) throw new AddressRefused(`the address ${address} is not public`)
}

/** The range that is routed in the public network; all other ranges of IPv6, also future ones, are not. */
const global = ipaddr.IPv6.parseCIDR('2000::/3')

/**
 * Whether an address belongs to the public network, not to this machine, a private or carrier-grade network, a multicast group, or a range for
 * documentation. An IPv4-mapped IPv6 address is judged as IPv4.
 *
 * @param address as the resolver writes it
 */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 0) return false
  const read = ipaddr.process(address)
  if (read instanceof ipaddr.IPv6) return read.range() === 'unicast' && read.match(global)
  return read.range() === 'unicast'
}
