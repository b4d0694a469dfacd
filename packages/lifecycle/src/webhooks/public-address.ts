import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** All that is routed in the public network; whatever else IPv6 has, or will be given, is not. */
const global = ipaddr.IPv6.parseCIDR('2000::/3')

/**
 * Whether an address belongs to the public network: not to this machine, a private or a provider's network, a group, or a documentation.
 * An IPv4 address that is written as IPv6 is judged as what it is.
 *
 * @param address as the resolver writes it
 */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 0) return false
  const read = ipaddr.process(address)
  if (read instanceof ipaddr.IPv6) return read.range() === 'unicast' && read.match(global)
  return read.range() === 'unicast'
}
