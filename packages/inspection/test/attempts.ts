import { spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'

/**
 * Loaded into a process before its program. When the program is ready, it tries everything that an inspector process must not be able to do, also with
 * modules that were loaded before the restrictions, and sends the results. Its input is in the arguments.
 */

const [folder = '', tcpPort = '', udpPort = ''] = process.argv.slice(2)
const port = Number(tcpPort)

const happens = (emitter: NodeJS.EventEmitter, event: string) =>
  new Promise<void>((resolve, reject) => emitter.once(event, () => resolve()).once('error', reject))

const attempts: Readonly<Record<string, () => unknown>> = {
  'write a file': () => writeFileSync(join(folder, 'written'), ''),
  'make a temporary folder': () => mkdtempSync(join(folder, 'made-')),
  'read a file that is not a program': () => readFileSync(join(folder, 'secret')),
  'read the environment of its parent': () => readFileSync(process.platform === 'linux' ? `/proc/${process.ppid}/environ` : '/etc/hosts'),
  'start a process': () => {
    const { error } = spawnSync(process.execPath, ['--version'])
    if (error) throw error
  },
  'start a thread': () => happens(new Worker('', { eval: true }), 'exit'),
  'signal its parent': () => process.kill(process.ppid, 0),
  connect: () => happens(connect(port, '127.0.0.1'), 'connect'),
  'connect with the class of its own pipe': () => {
    const Pipe = process.stderr.constructor as typeof import('node:net').Socket
    return happens(new Pipe().connect(port, '127.0.0.1'), 'connect')
  },
  listen: () => {
    const server = createServer().listen(0, '127.0.0.1')
    return happens(server, 'listening').finally(() => server.close())
  },
  'send a datagram': () => {
    const socket = createSocket('udp4')
    return new Promise<void>((resolve, reject) => {
      socket.send('x', Number(udpPort), '127.0.0.1', (error) => (error ? reject(error) : resolve()))
    }).finally(() => socket.close())
  },
  fetch: () => fetch(`http://127.0.0.1:${port}/`),
  'open a web socket': () => new WebSocket(`ws://127.0.0.1:${port}/`),
  'load a module that resolves names': () => import('node:dns'),
  'load a module that uses HTTP': () => import('node:http'),
  'require a module that uses TLS': () => createRequire(import.meta.url)('tls'),
  'get a built-in module with sockets': () => process.getBuiltinModule('net'),
}

const outcomeOf = async (attempt: () => unknown): Promise<string> => {
  try {
    await attempt()
    return 'done'
  } catch {
    return 'refused'
  }
}

const send = process.send?.bind(process)
process.send = ((message: { kind?: string }) => {
  if (message.kind !== 'ready') return true
  void (async () => {
    const outcomes: Record<string, string> = {}
    for (const [what, attempt] of Object.entries(attempts)) outcomes[what] = await outcomeOf(attempt)
    send?.(outcomes)
  })()
  return true
}) as NonNullable<typeof process.send>
