import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

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
