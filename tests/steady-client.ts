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
    const check = () => Promise.all(urls.map((url) => this.#check(url)))
    void check()
    this.#timer = setInterval(check, 100)
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

  async #check(url: string): Promise<void> {
    const isReady = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(1500) }).then(
      ({ ok }) => ok,
      () => false,
    )
    if (isReady) this.ready.add(url)
    else this.ready.delete(url)
  }
}

/** There was no response. */
export class NoResponse extends Error {
  override name = 'NoResponse'
}

/**
 * A client that keeps one connection as long as possible, as with a load balancer for connections. It uses another gateway only after its connection was
 * closed.
 */
export class SteadyClient {
  /** Connections that a gateway closed without announcing it in a response. */
  readonly droppedBy: string[] = []
  readonly #balancer: Balancer
  #gateway: string | null = null
  #agent = new Agent()
  readonly #announced = new WeakSet<Socket>()
  readonly #known = new WeakSet<Socket>()
  #closed = false

  constructor(balancer: Balancer) {
    this.#balancer = balancer
  }

  /** @throws NoResponse */
  async post(path: string, form: FormData, headers: Record<string, string>): Promise<{ status: number; text: string }> {
    const body = new Response(form)
    const bytes = await body.bytes()
    const url = await this.#connectedTo()
    const sent = request(`${url}${path}`, {
      method: 'POST',
      agent: this.#agent,
      headers: { ...headers, 'content-type': body.headers.get('content-type') ?? '', 'content-length': bytes.byteLength },
    })
    sent.on('socket', (socket) => this.#watch(socket, url))
    sent.end(bytes)
    try {
      const [response] = (await once(sent, 'response')) as [IncomingMessage]
      if (response.headers.connection === 'close') this.#announced.add(response.socket)
      if (response.headers.connection === 'close') this.#gateway = null
      return { status: response.statusCode ?? 0, text: await text(response) }
    } catch (error) {
      this.#gateway = null
      throw new NoResponse(`${url} sent no response: ${(error as Error).message}`)
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
      if (this.#closed || this.#announced.has(socket)) return
      this.droppedBy.push(url)
      this.#gateway = null
    })
  }
}
