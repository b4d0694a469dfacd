import { createSocket } from 'node:dgram'
import { registerHooks } from 'node:module'
import { Server, Socket } from 'node:net'

/** What knows the network, and what reaches other processes. */
const refusedModules = ['cluster', 'dgram', 'dns', 'http', 'http2', 'https', 'inspector', 'net', 'tls', 'trace_events', 'wasi']
const isRefused = (specifier: string): boolean => refusedModules.includes(specifier.replace(/^node:/, '').split('/')[0] ?? '')

/**
 * Takes the network away from this process: nothing that reads hostile bytes has anything to ask of anybody. Its pipe to its parent stays.
 *
 * Modules that know the network are loaded no more, and the sockets that are there already, as the pipe is, can make no other. It may not
 * signal other processes either. All this binds JavaScript; native code is bound by whoever confines the container.
 */
export function withoutNetwork(): void {
  const refuse = () => {
    throw new Error('an inspector process has no network, and nothing to do with other processes')
  }
  Socket.prototype.connect = refuse
  Server.prototype.listen = refuse
  const datagrams = Object.getPrototypeOf(createSocket('udp4').close())
  for (const method of ['bind', 'connect', 'send']) datagrams[method] = refuse
  const { getBuiltinModule } = process
  process.getBuiltinModule = ((id: string) => (isRefused(id) ? refuse() : getBuiltinModule(id))) as typeof getBuiltinModule
  registerHooks({ resolve: (specifier, context, next) => (isRefused(specifier) ? refuse() : next(specifier, context)) })
  for (const name of ['fetch', 'WebSocket', 'EventSource']) Reflect.deleteProperty(globalThis, name)
  process.kill = refuse
}
