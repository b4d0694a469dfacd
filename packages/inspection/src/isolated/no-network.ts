import { createSocket } from 'node:dgram'
import { registerHooks } from 'node:module'
import { Server, Socket } from 'node:net'

/** Modules that give access to the network or to other processes. */
const blockedModules = ['cluster', 'dgram', 'dns', 'http', 'http2', 'https', 'inspector', 'net', 'tls', 'trace_events', 'wasi']
const isBlocked = (specifier: string): boolean => blockedModules.includes(specifier.replace(/^node:/, '').split('/')[0] ?? '')

/**
 * Removes access to the network from this process, because it reads hostile bytes. Its pipe to the parent remains.
 *
 * Modules for the network can't be loaded any more, and existing sockets, such as the pipe, can't create others. Signals to other processes are
 * blocked too. All this restricts JavaScript only; native code is restricted by namespaces or the container.
 */
export function disableNetwork(): void {
  const refuse = () => {
    throw new Error('an inspector process has no access to the network or to other processes')
  }
  Socket.prototype.connect = refuse
  Server.prototype.listen = refuse
  const datagrams = Object.getPrototypeOf(createSocket('udp4').close())
  for (const method of ['bind', 'connect', 'send']) datagrams[method] = refuse
  const { getBuiltinModule } = process
  process.getBuiltinModule = ((id: string) => (isBlocked(id) ? refuse() : getBuiltinModule(id))) as typeof getBuiltinModule
  registerHooks({ resolve: (specifier, context, next) => (isBlocked(specifier) ? refuse() : next(specifier, context)) })
  for (const name of ['fetch', 'WebSocket', 'EventSource']) Reflect.deleteProperty(globalThis, name)
  process.kill = refuse
}
