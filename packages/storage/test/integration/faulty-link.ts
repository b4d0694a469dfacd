import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A fault of the line, met by the first `times` requests whose first line matches. */
export interface Fault {
  request: RegExp
  times?: number
  /**
   * `lost request`: the line breaks before the store hears of it. `lost answer`: the store does what it was asked for, and the
   * line breaks before we hear of it. `silence`: what is sent goes nowhere, and nothing comes back. `cutAfterBytes`: the line breaks
   * after so many bytes of the answer. `error`: the store does nothing, and says this code under this status: a store that copies or
   * completes begins its 200 before it knows how that ends. `aloneMs`: a store whose throughput is shared: one such request takes so many ms,
   * and n at once take n times as long.
   */
  kind: 'lost request' | 'lost answer' | 'silence' | { cutAfterBytes: number } | { aloneMs: number } | ErrorAnswer
}

interface ErrorAnswer {
  error: string
  status: number
  retryAfterSeconds?: number
}

const tickMs = 20

/** A line between us and a store that can break at chosen moments. */
export class FaultyLink {
  /** First lines of all requests that went through, in their order. */
  readonly requests: string[] = []
  readonly #server = createServer((client) => this.#join(client))
  readonly #sockets = new Set<Socket>()
  /** Requests that share the store's throughput, and the ms that each still needs. */
  readonly #sharing = new Map<Socket, { leftMs: number; forward: () => void }>()
  readonly #clock = setInterval(() => this.#share(), tickMs)
  readonly #target: URL
  #faults: Required<Fault>[] = []

  constructor(target: string) {
    this.#target = new URL(target)
  }

  async open(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  fails(...faults: Fault[]): void {
    this.#faults = faults.map((fault) => ({ times: Number.POSITIVE_INFINITY, ...fault }))
    this.requests.length = 0
  }

  async close(): Promise<void> {
    clearInterval(this.#clock)
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #share(): void {
    for (const [client, request] of this.#sharing) {
      request.leftMs -= tickMs / this.#sharing.size
      if (request.leftMs > 0) continue
      this.#sharing.delete(client)
      request.forward()
    }
  }

  #join(client: Socket): void {
    const store = connect(Number(this.#target.port), this.#target.hostname)
    let fault: Required<Fault> | undefined
    let answered = 0
    // A client waits for an answer before it sends its next request, so each request begins a chunk of its own.
    client.on('data', (chunk) => {
      const [line = ''] = chunk.subarray(0, 2048).toString('latin1').split('\r\n')
      if (/^[A-Z]+ \S+ HTTP\/1\.1$/.test(line)) {
        this.requests.push(line)
        answered = 0
        fault = this.#faults.find(({ request, times }) => times > 0 && request.test(line))
        if (fault) fault.times--
      }
      if (fault?.kind === 'lost request') client.destroy()
      else if (typeof fault?.kind === 'object' && 'error' in fault.kind) client.end(answerOf(fault.kind))
      else if (typeof fault?.kind === 'object' && 'aloneMs' in fault.kind)
        this.#sharing.set(client, { leftMs: fault.kind.aloneMs, forward: () => store.write(chunk) })
      else if (fault?.kind !== 'silence') store.write(chunk)
    })
    store.on('data', (chunk) => {
      const limit =
        typeof fault?.kind === 'object' && 'cutAfterBytes' in fault.kind
          ? fault.kind.cutAfterBytes
          : fault && !(typeof fault.kind === 'object' && 'aloneMs' in fault.kind)
            ? 0
            : Number.POSITIVE_INFINITY
      const passing = chunk.subarray(0, Math.max(0, limit - answered))
      answered += chunk.byteLength
      client.write(passing)
      if (answered > limit) client.end(() => client.destroy())
    })
    for (const [one, other] of [
      [client, store],
      [store, client],
    ] as const) {
      this.#sockets.add(one)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        this.#sockets.delete(one)
        this.#sharing.delete(one)
        other.destroy()
      })
    }
  }
}

const answerOf = ({ error, status, retryAfterSeconds }: ErrorAnswer): string =>
  [
    `HTTP/1.1 ${status} ${status === 200 ? 'OK' : error}`,
    'content-type: application/xml',
    'connection: close',
    ...(retryAfterSeconds === undefined ? [] : [`retry-after: ${retryAfterSeconds}`]),
    '',
    `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${error}</Code><Message>Please try again.</Message></Error>`,
  ].join('\r\n')
