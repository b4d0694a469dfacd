import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

/**
 * The state of the whole link. `cut`: connections are reset, new ones refused. `hole`: bytes are held back, and arrive when it is open again. `mute`:
 * requests arrive, responses are lost. `busy`: the link responds to every request with 503 SlowDown itself.
 */
export type Condition =
  | { readonly kind: 'open' | 'cut' | 'hole' | 'mute' | 'busy' }
  | { readonly kind: 'slow'; readonly delayMs: number }
  | { readonly kind: 'thin'; readonly bytesPerSecond: number }

/** A response that the link sends instead of the object store, which does not see the request. */
interface ErrorAnswer {
  error: string
  /** A store sends 200 for a copy or completion before it knows the result. */
  status: number
  retryAfterSeconds?: number
}

/** A fault of the first `times` HTTP requests whose first line matches; of all by default. */
export interface Fault {
  request: RegExp
  times?: number
  /**
   * `lost request`: the connection breaks before the server sees the request. `lost answer`: it breaks after the server has processed it.
   * `silence`: bytes are dropped in both directions. `cutAfterBytes`: the connection breaks after so many bytes of the response. `delayMs`: the request is
   * delayed. `aloneMs`: requests share the server's throughput: one takes so many ms, and n concurrent ones take n times as long.
   */
  kind: 'lost request' | 'lost answer' | 'silence' | { cutAfterBytes: number } | { delayMs: number } | { aloneMs: number } | ErrorAnswer
}

interface Connection {
  readonly client: Socket
  readonly upstream: Socket
  /** The fault of the connection's current request, and the number of response bytes so far. */
  fault: Exclude<Fault['kind'], 'lost answer'> | null
  answeredBytes: number
  /** Whether bytes were lost, so that the connection can't be used when the link is open again. */
  spoilt: boolean
}

const tickMs = 20

/** A TCP proxy before one server. The whole link can be slow, limited, silent or cut, and selected requests can fail. */
export class FaultyLink {
  /** First lines of all HTTP requests since the last call of `fails`, in order. */
  readonly requests: string[] = []
  /** Bytes that arrived from each side. */
  readonly traffic = { toServer: 0, toClient: 0 }
  readonly #target: URL
  readonly #server = createServer({ allowHalfOpen: true }, (client) => this.#accept(client))
  readonly #open = new Set<Connection>()
  #condition: Condition = { kind: 'open' }
  #changed = Promise.withResolvers<void>()
  #faults: Required<Fault>[] = []
  #awaited: { pattern: RegExp; act: () => void | Promise<void> } | null = null
  #sharing = 0

  /** @param target URL of the server, of any scheme */
  constructor(target: string) {
    this.#target = new URL(target)
  }

  /** @returns the URL to use in place of the target's */
  async open(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return this.url
  }

  get url(): string {
    const url = new URL(this.#target)
    url.hostname = '127.0.0.1'
    url.port = String((this.#server.address() as AddressInfo).port)
    return url.href.replace(/\/$/, '')
  }

  /** The number of open connections. */
  get connections(): number {
    return this.#open.size
  }

  become(condition: Condition): void {
    this.#condition = condition
    if (condition.kind === 'cut') this.#reset(() => true)
    if (condition.kind === 'open') this.#reset(({ spoilt }) => spoilt)
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }

  /** Replaces all faults of single requests. */
  fails(...faults: Fault[]): void {
    this.#faults = faults.map((fault) => ({ times: Number.POSITIVE_INFINITY, ...fault }))
    this.requests.length = 0
  }

  /** Calls `act` once when matching bytes arrive, and forwards them when it has returned. */
  onceSent(pattern: RegExp, act: () => void | Promise<void>): void {
    this.#awaited = { pattern, act }
  }

  /** Holds the first matching request until it is released. `reached` resolves when it has arrived; the server has not seen it then. */
  holds(pattern: RegExp): { readonly reached: Promise<void>; release(): void } {
    const reached = Promise.withResolvers<void>()
    const released = Promise.withResolvers<void>()
    this.onceSent(pattern, () => {
      reached.resolve()
      return released.promise
    })
    return { reached: reached.promise, release: () => released.resolve() }
  }

  async close(): Promise<void> {
    this.become({ kind: 'cut' })
    this.#server.close()
    await once(this.#server, 'close')
  }

  #reset(which: (connection: Connection) => boolean): void {
    for (const { client, upstream } of [...this.#open].filter(which)) {
      client.resetAndDestroy()
      upstream.resetAndDestroy()
    }
  }

  #accept(client: Socket): void {
    client.on('error', () => {})
    if (this.#condition.kind === 'cut') {
      client.resetAndDestroy()
      return
    }
    const upstream = connect({ host: this.#target.hostname, port: Number(this.#target.port), allowHalfOpen: true })
    upstream.on('error', () => client.resetAndDestroy())
    const connection: Connection = { client, upstream, fault: null, answeredBytes: 0, spoilt: false }
    this.#open.add(connection)
    client.on('close', () => {
      this.#open.delete(connection)
      upstream.destroy()
    })
    upstream.on('close', () => client.destroy())
    // errors of the two sockets are visible to their owners
    forward(client, upstream, (bytes) => this.#request(bytes, connection)).catch(() => client.destroy())
    forward(upstream, client, (bytes) => this.#answer(bytes, connection)).catch(() => client.destroy())
  }

  /** @returns the bytes that the server gets, or null */
  async #request(bytes: Buffer, connection: Connection): Promise<Buffer | null> {
    const { client } = connection
    this.traffic.toServer += bytes.byteLength
    await this.#await(bytes)
    await this.#delay(bytes)
    this.#meet(bytes, connection)
    const fault = this.#condition.kind === 'busy' ? slowDown : connection.fault
    if (fault === 'lost request') client.destroy()
    if (fault === 'lost request' || fault === 'silence') return null
    if (fault === null) return bytes
    if ('error' in fault) {
      if (!client.writableEnded) client.end(answerOf(fault))
      return null
    }
    if ('delayMs' in fault) await wait(fault.delayMs)
    if ('aloneMs' in fault) await this.#share(fault.aloneMs, client)
    return bytes
  }

  /** Clients wait for a response before the next request, so each request begins a new chunk. */
  #meet(bytes: Buffer, connection: Connection): void {
    const [line = ''] = bytes.subarray(0, 2048).toString('latin1').split('\r\n')
    if (!/^[A-Z]+ \S+ HTTP\/1\.1$/.test(line)) return
    this.requests.push(line)
    const fault = this.#faults.find(({ request, times }) => times > 0 && request.test(line))
    if (fault) fault.times--
    connection.fault = fault?.kind === 'lost answer' ? { cutAfterBytes: 0 } : (fault?.kind ?? null)
    connection.answeredBytes = 0
  }

  async #await(bytes: Buffer): Promise<void> {
    const awaited = this.#awaited
    if (!awaited?.pattern.test(bytes.toString('latin1'))) return
    this.#awaited = null
    await awaited.act()
  }

  async #answer(bytes: Buffer, connection: Connection): Promise<Buffer | null> {
    this.traffic.toClient += bytes.byteLength
    await this.#delay(bytes)
    if (this.#condition.kind === 'mute') {
      connection.spoilt = true
      return null
    }
    const { client, fault, answeredBytes } = connection
    const limit = fault !== null && typeof fault === 'object' && 'cutAfterBytes' in fault ? fault.cutAfterBytes : Number.POSITIVE_INFINITY
    connection.answeredBytes += bytes.byteLength
    if (connection.answeredBytes <= limit) return bytes
    client.end(bytes.subarray(0, Math.max(0, limit - answeredBytes)), () => client.destroy())
    return null
  }

  async #delay({ byteLength }: Buffer): Promise<void> {
    while (this.#condition.kind === 'hole') await this.#changed.promise
    const condition = this.#condition
    if (condition.kind === 'slow') await wait(condition.delayMs)
    // bytes that are in transit when the state changes arrive at once
    if (condition.kind === 'thin') await Promise.race([wait((byteLength / condition.bytesPerSecond) * 1000), this.#changed.promise])
  }

  async #share(aloneMs: number, client: Socket): Promise<void> {
    this.#sharing += 1
    for (let leftMs = aloneMs; leftMs > 0 && !client.destroyed; leftMs -= tickMs / this.#sharing) await wait(tickMs)
    this.#sharing -= 1
  }
}

/** Forwards bytes with backpressure, then the end. */
async function forward(from: Socket, to: Socket, passing: (bytes: Buffer) => Promise<Buffer | null>): Promise<void> {
  for await (const bytes of from as AsyncIterable<Buffer>) {
    const passed = await passing(bytes)
    if (passed !== null && !to.destroyed && !to.write(passed)) await roomIn(to)
  }
  to.end()
}

/** Resolves when a socket is writable again or closed. Removes its listeners. */
async function roomIn(socket: Socket): Promise<void> {
  const settled = new AbortController()
  try {
    await Promise.race([once(socket, 'drain', settled), once(socket, 'close', settled)])
  } finally {
    settled.abort()
  }
}

const slowDown: ErrorAnswer = { error: 'SlowDown', status: 503 }

const answerOf = ({ error, status, retryAfterSeconds }: ErrorAnswer): string =>
  [
    `HTTP/1.1 ${status} ${status === 200 ? 'OK' : error}`,
    'content-type: application/xml',
    'connection: close',
    ...(retryAfterSeconds === undefined ? [] : [`retry-after: ${retryAfterSeconds}`]),
    '',
    `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${error}</Code><Message>Please try again.</Message></Error>`,
  ].join('\r\n')
