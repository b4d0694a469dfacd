import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A line to the store on which the first request that matches stays until the test lets it go on. Only one is ever held. */
export class HeldLine {
  readonly #server = createServer((client) => this.#join(client))
  readonly #sockets = new Set<Socket>()
  readonly #reached = Promise.withResolvers<void>()
  readonly #opened = Promise.withResolvers<void>()
  readonly #target: URL
  readonly #holds: RegExp
  #isHolding = false

  /** @param holds the first line of the request to hold, as it stands in HTTP/1.1 */
  constructor(target: string, holds: RegExp) {
    this.#target = new URL(target)
    this.#holds = holds
  }

  /** @returns the endpoint to use in place of the target's */
  async open(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Resolves when the request is here, and the store has not seen it. */
  get reached(): Promise<void> {
    return this.#reached.promise
  }

  letGo(): void {
    this.#opened.resolve()
  }

  close(): void {
    this.letGo()
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #join(client: Socket): void {
    const upstream = connect(Number(this.#target.port), this.#target.hostname)
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket)
      socket.on('error', () => {}) // its owner sees it
    }
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
    upstream.pipe(client)
    void this.#forward(client, upstream)
  }

  async #forward(client: Socket, upstream: Socket): Promise<void> {
    try {
      for await (const bytes of client as AsyncIterable<Buffer>) {
        if (!this.#isHolding && this.#holds.test(bytes.toString('latin1'))) {
          this.#isHolding = true
          this.#reached.resolve()
          await this.#opened.promise
        }
        upstream.write(bytes)
      }
    } catch {
      upstream.destroy()
    }
  }
}
