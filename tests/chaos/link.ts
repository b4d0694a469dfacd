import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

/** What the way to a server is like. */
export type Condition =
  | { readonly kind: 'open' | 'cut' | 'hole' | 'mute' | 'busy' }
  | { readonly kind: 'slow'; readonly delayMs: number }
  | { readonly kind: 'thin'; readonly bytesPerSecond: number }

interface Connection {
  readonly client: Socket
  readonly upstream: Socket
  /** Bytes of it got lost: it is of no use when the way is open again. */
  spoilt: boolean
}

/** A store that asks for patience, as S3 does. */
const slowDown = [
  'HTTP/1.1 503 Slow Down',
  'content-type: application/xml',
  'connection: close',
  '',
  '<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>',
].join('\r\n')

/** The way from one process to one server: a TCP proxy that can be slow, narrow, silent or cut. */
export class Link {
  readonly #server: Server
  readonly #open = new Set<Connection>()
  #condition: Condition = { kind: 'open' }
  #changed = Promise.withResolvers<void>()

  private constructor(server: Server) {
    this.#server = server
  }

  /** @param to host and port of the server */
  static async open(to: { host: string; port: number }): Promise<Link> {
    const server = createServer({ allowHalfOpen: true })
    const link = new Link(server)
    server.on('connection', (client) => link.#take(client, to))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return link
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  become(condition: Condition): void {
    this.#condition = condition
    if (condition.kind === 'cut') this.#drop(() => true)
    if (condition.kind === 'open') this.#drop(({ spoilt }) => spoilt)
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }

  async close(): Promise<void> {
    this.become({ kind: 'cut' })
    this.#server.close()
    await once(this.#server, 'close')
  }

  #drop(which: (connection: Connection) => boolean): void {
    for (const connection of this.#open) {
      if (!which(connection)) continue
      connection.client.resetAndDestroy()
      connection.upstream.resetAndDestroy()
    }
  }

  #take(client: Socket, to: { host: string; port: number }): void {
    client.on('error', () => {})
    if (this.#condition.kind === 'cut') {
      client.resetAndDestroy()
      return
    }
    const upstream = connect({ ...to, allowHalfOpen: true })
    upstream.on('error', () => client.resetAndDestroy())
    const connection: Connection = { client, upstream, spoilt: false }
    this.#open.add(connection)
    client.on('close', () => {
      this.#open.delete(connection)
      upstream.destroy()
    })
    upstream.on('close', () => client.destroy())
    // What fails here are the two sockets, and their owners see it themselves.
    this.#carry(client, upstream, (bytes) => this.#request(bytes, connection)).catch(() => client.destroy())
    this.#carry(upstream, client, (bytes) => this.#answer(bytes, connection)).catch(() => client.destroy())
  }

  async #carry(from: Socket, to: Socket, passes: (bytes: Buffer) => Promise<boolean>): Promise<void> {
    for await (const bytes of from as AsyncIterable<Buffer>) {
      if (!(await passes(bytes)) || to.destroyed) continue
      if (!to.write(bytes)) await roomIn(to)
    }
    to.end()
  }

  async #request(bytes: Buffer, { client, upstream }: Connection): Promise<boolean> {
    await this.#delay(bytes)
    if (this.#condition.kind !== 'busy') return true
    client.end(slowDown)
    upstream.destroy()
    return false
  }

  async #answer(bytes: Buffer, connection: Connection): Promise<boolean> {
    await this.#delay(bytes)
    if (this.#condition.kind !== 'mute') return true
    connection.spoilt = true
    return false
  }

  async #delay({ byteLength }: Buffer): Promise<void> {
    while (this.#condition.kind === 'hole') await this.#changed.promise
    const condition = this.#condition
    if (condition.kind === 'slow') await wait(condition.delayMs)
    // Whoever opens the way again does not wait for the bytes that were on it.
    if (condition.kind === 'thin') await Promise.race([wait((byteLength / condition.bytesPerSecond) * 1000), this.#changed.promise])
  }
}

/** Resolves when a socket takes bytes again, or is closed; no listener stays behind on it. */
async function roomIn(socket: Socket): Promise<void> {
  const over = new AbortController()
  try {
    await Promise.race([once(socket, 'drain', over), once(socket, 'close', over)])
  } finally {
    over.abort()
  }
}
