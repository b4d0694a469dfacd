import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { test as base } from 'vitest'
import { Airlock, type AirlockOptions, type Job } from '../src/node.ts'

export interface Received {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

/** A response; `reset`: the connection breaks instead; `hang`: nothing comes. */
export type Reply = Answer | 'reset' | 'hang'

interface Answer {
  readonly status?: number
  readonly json?: unknown
  readonly text?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Jobs as server-sent events. */
  readonly jobs?: readonly Partial<Job>[]
  /** After the jobs: the stream ends, breaks, or stays open. */
  readonly after?: 'end' | 'reset' | 'hold'
}

/** By method and path: the replies to the first, the second request and so on; the last one is for all others. */
export type Routes = Readonly<Record<string, readonly (Reply | ((request: Received) => Reply))[]>>

/** Answers as a gateway would, or as a faulty one, over real connections. */
export class FakeGateway {
  readonly requests: Received[] = []
  readonly #server = createServer((request, response) => void this.#answer(request, response))
  routes: Routes = {}
  /** Streams that are open. */
  streams = 0

  async listen(port = 0): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve))
    return this
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  to(route: string): Received[] {
    return this.requests.filter(({ method, path }) => `${method} ${path}` === route)
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '', this.url)
    const { method = '', headers } = request
    const route = `${method} ${pathname}`
    const body = await buffer(request).catch(() => Buffer.alloc(0))
    const received = { method, path: pathname, query: searchParams, headers, body }
    const earlier = this.to(route).length
    this.requests.push(received)
    const replies = this.routes[route] ?? [{ status: 404, json: problem('route_not_found') }]
    const next = replies[Math.min(earlier, replies.length - 1)] ?? 'reset'
    const reply = typeof next === 'function' ? next(received) : next
    if (reply === 'hang') return
    if (reply === 'reset') return void request.socket.destroy()
    if (reply.jobs !== undefined) {
      this.streams++
      response.once('close', () => this.streams--)
    }
    send(reply, response)
  }
}

function send({ status = 200, json, text = '', headers, jobs, after = 'end' }: Answer, response: ServerResponse): void {
  const type = jobs ? 'text/event-stream; charset=utf-8' : json === undefined ? 'text/html' : 'application/json'
  response.writeHead(status, { 'content-type': type, 'x-request-id': 'req-1', ...headers })
  if (jobs === undefined) return void response.end(status === 204 ? undefined : json === undefined ? text : JSON.stringify(json))
  for (const job of jobs) response.write(`id: 1\nevent: job\ndata: ${JSON.stringify(job)}\n\n`)
  if (after === 'end') response.end()
  if (after === 'reset') setTimeout(() => response.destroy(), 20)
}

export const problem = (code: string, detail = `This is ${code}.`) => ({ error: code, detail, code, request_id: 'req-1' })

export const jobId = '0198c0de-0000-7000-8000-000000000001'
export const assetId = '0198c0de-0000-7000-8000-00000000000a'

export const job = (status: Job['status'], more: Partial<Job> = {}): Partial<Job> => ({
  job_id: jobId,
  status,
  asset_id: status === 'completed' ? assetId : null,
  error: null,
  ...more,
})

export const accepted = (id = jobId) => ({
  status: 202,
  json: { uploads: [{ index: 0, upload_id: id, job_id: id, status: 'queued' }], rejected: [] },
})

/** A gateway that accepts a file and makes it an asset. */
export const goodRoutes = {
  'POST /api/upload': [accepted()],
  'GET /api/jobs/events': [{ jobs: [job('queued'), job('completed')] }],
  'GET /api/jobs': [{ json: { jobs: [job('completed')], unknown: [], next_cursor: null } }],
  [`GET /api/assets/${assetId}`]: [{ json: { asset_id: assetId, presigned_url: 'http://store/file' } }],
  [`DELETE /api/jobs/${jobId}`]: [{ json: job('rejected') }],
} satisfies Routes

export const picture = (bytes = 'the bytes of a picture') => new File([bytes], 'logo.png', { type: 'image/png' })

export interface Fixture {
  gateway: FakeGateway
  /** A client that retries at once. */
  client(options?: Partial<AirlockOptions>): Airlock
}

export const test = base.extend<Fixture>({
  // biome-ignore lint/correctness/noEmptyPattern: Vitest reads the names of used fixtures from the pattern
  gateway: async ({}, use) => {
    const gateway = await new FakeGateway().listen()
    gateway.routes = goodRoutes
    await use(gateway)
    await gateway.close()
  },
  client: async ({ gateway }, use) => {
    await use((options) => new Airlock({ baseUrl: gateway.url, token: 'a-token', retry: { forMs: 3000, firstMs: 10 }, ...options }))
  },
})

/** The error of a call that must fail. */
export const failureOf = (call: Promise<unknown>): Promise<Record<string, unknown>> =>
  call.then(
    (value) => {
      throw new Error(`it returned ${JSON.stringify(value)}`)
    },
    (error) => error,
  )
