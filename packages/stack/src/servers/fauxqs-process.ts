/** The emulator's own process. Usage: node fauxqs-process.ts PORT FOLDER */
import { type ListenOptions, Server } from 'node:net'
import { startFauxqs } from 'fauxqs'

const [port = '', folder = ''] = process.argv.slice(2)

// It listens on every address of the machine and offers no setting for that. It checks no signatures: it stays on the loopback.
const listen = Server.prototype.listen as (options: ListenOptions, ...rest: unknown[]) => Server
Server.prototype.listen = function (this: Server, options: ListenOptions, ...rest: unknown[]) {
  return listen.call(this, { ...options, host: '127.0.0.1' }, ...rest)
} as typeof Server.prototype.listen

await startFauxqs({ port: Number(port), logger: false, s3StorageDir: folder })
