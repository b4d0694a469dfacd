import { createSocket } from 'node:dgram'
import { Socket } from 'node:net'

/** Takes the network away from this process: nothing that reads hostile bytes has anything to ask of anybody. Its pipe to its parent stays. */
export function withoutNetwork(): void {
  const refuse = () => {
    throw new Error('an inspector process has no network')
  }
  Socket.prototype.connect = refuse
  Object.getPrototypeOf(createSocket('udp4').close()).send = refuse
}
