import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { waitFor } from '@airlock/dev-servers'

/** Tracks which gateways are ready, like a load balancer. */
export class Balancer {
  readonly ready = new Set<string>()
  readonly #timer: NodeJS.Timeout
  #next = 0

  constructor(urls: readonly string[]) {
    const look = () => Promise.all(urls.map((url) => this.#look(url)))
    void look()
    this.#timer = setInterval(look, 100)
  }

  /** The next ready gateway, round-robin. */
  async pick(): Promise<string> {
    await waitFor(() => this.ready.size > 0, { what: 'a gateway to be ready', timeoutMs: 20_000, everyMs: 10 })
    this.#next += 1
    return [...this.ready][this.#next % this.ready.size] ?? ''
  }

  close(): void {
    clearInterval(this.#timer)
  }

  async #look(url: string): Promise<void> {
    const isReady = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(1500) }).then(
      ({ ok }) => ok,
      () => false,
    )
    if (isReady) this.ready.add(url)
    else this.ready.delete(url)
  }
}

/** There was no response. */
export class HungUp extends Error {
  override name = 'HungUp'
}

/**
 * A client that keeps one connection as long as possible, as with a load balancer for connections. It uses another gateway only after its connection was
 * closed.
 */
export class SteadyClient {
  /** Connections that a gateway closed without announcing it in a response. */
  readonly hungUpOn: string[] = []
  readonly #balancer: Balancer
  #gateway: string | null = null
  #agent = new Agent()
  readonly #toldOf = new WeakSet<Socket>()
  readonly #known = new WeakSet<Socket>()
  #closed = false

  constructor(balancer: Balancer) {
    this.#balancer = balancer
  }

  /** @throws HungUp */
  async post(path: string, form: FormData, headers: Record<string, string>): Promise<{ status: number; text: string }> {
    const body = new Response(form)
    const bytes = await body.bytes()
    const url = await this.#connectedTo()
    const asked = request(`${url}${path}`, {
      method: 'POST',
      agent: this.#agent,
      headers: { ...headers, 'content-type': body.headers.get('content-type') ?? '', 'content-length': bytes.byteLength },
    })
    asked.on('socket', (socket) => this.#watch(socket, url))
    asked.end(bytes)
    try {
      const [answer] = (await once(asked, 'response')) as [IncomingMessage]
      if (answer.headers.connection === 'close') this.#toldOf.add(answer.socket)
      if (answer.headers.connection === 'close') this.#gateway = null
      return { status: answer.statusCode ?? 0, text: await text(answer) }
    } catch (error) {
      this.#gateway = null
      throw new HungUp(`${url} hung up: ${(error as Error).message}`)
    }
  }

  close(): void {
    this.#closed = true
    this.#agent.destroy()
  }

  async #connectedTo(): Promise<string> {
    if (this.#gateway !== null) return this.#gateway
    this.#agent.destroy()
    this.#agent = new Agent({ keepAlive: true, maxSockets: 1 })
    this.#gateway = await this.#balancer.pick()
    return this.#gateway
  }

  #watch(socket: Socket, url: string): void {
    if (this.#known.has(socket)) return
    this.#known.add(socket)
    socket.once('close', () => {
      if (this.#closed || this.#toldOf.has(socket)) return
      this.hungUpOn.push(url)
      this.#gateway = null
    })
  }
}
