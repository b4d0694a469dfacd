import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** Stands before a Redis, and can swallow its answers. */
export interface SilentProxy {
  readonly url: string
  /** From the nth command of this name on, counted over all connections, no answer passes any more. */
  silentFrom(nth: number, command: string): void
  isSilent(): boolean
  /** Lets answers pass again; what was swallowed stays so, and its connections are cut. */
  speak(): void
  /** Connections that are open right now. */
  connections(): number
  close(): Promise<void>
}

export async function silentProxy(redisUrl: string): Promise<SilentProxy> {
  const { hostname, port } = new URL(redisUrl)
  const clients = new Set<Socket>()
  let silent = false
  let awaited: { command: RegExp; left: number } | null = null
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    clients.add(client)
    client.on('close', () => {
      clients.delete(client)
      upstream.destroy()
    })
    upstream.on('close', () => client.destroy())
    for (const socket of [client, upstream]) socket.on('error', () => {})
    client.on('data', (bytes) => {
      for (const _ of bytes.toString('latin1').matchAll(awaited?.command ?? /$^/g)) {
        if (awaited && --awaited.left === 0) silent = true
      }
      upstream.write(bytes)
    })
    upstream.on('data', (bytes) => {
      if (!silent) client.write(bytes)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    silentFrom: (nth, command) => {
      awaited = { command: new RegExp(`\\$${command.length}\\r\\n${command}\\r\\n`, 'gi'), left: nth }
    },
    isSilent: () => silent,
    speak: () => {
      silent = false
      awaited = null
      for (const client of clients) client.destroy()
    },
    connections: () => clients.size,
    close: async () => {
      for (const client of clients) client.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
