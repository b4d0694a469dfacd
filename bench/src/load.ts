import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

/**
 * A program: generates load, in a process of its own, so that its work is not counted as that of a server. It gets a `Load` over IPC, and answers each with
 * a `LoadResult`.
 */

/** Requests that differ only in their tokens. */
export interface Load {
  readonly url: string
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  /** One for each client, which sends it as its bearer token. */
  readonly tokens: readonly string[]
  /** All requests of all clients together. */
  readonly requests: number
  /** The bodies are `before`, `head`, as many random bytes as `bodyBytes` needs, and `after`; all in Base64. */
  readonly body?: { readonly before: string; readonly head: string; readonly bodyBytes: number; readonly after: string }
  /** For requests whose URLs differ: the request number `n` has the URL `url + suffixes[n % length]`. */
  readonly suffixes?: readonly string[]
  readonly timeoutMs: number
}

export interface LoadResult {
  /** From the first request to the last response. */
  readonly seconds: number
  /** Of each request, from its beginning to the end of its response. */
  readonly latenciesMs: readonly number[]
  /** The first response that was not a success, if there was one. */
  readonly failure: string | null
}

/** How much is written at once. A larger body repeats these bytes. */
const chunk = randomBytes(256 * 1024)

async function run(load: Load): Promise<LoadResult> {
  const body = load.body === undefined ? null : bodyOf(load.body)
  const latenciesMs: number[] = []
  let next = 0
  let failure: string | null = null
  const client = async (token: string) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    while (next < load.requests && failure === null) {
      const begun = performance.now()
      const problem = await send(load, body, next++, token, agent).catch((error: Error) => error.message)
      latenciesMs.push(performance.now() - begun)
      failure ??= problem
    }
    agent.destroy()
  }
  const begun = performance.now()
  await Promise.all(load.tokens.map(client))
  return { seconds: (performance.now() - begun) / 1000, latenciesMs, failure }
}

/** A body as the buffers to write, most of which are the same one. */
interface Body {
  readonly sizeBytes: number
  readonly chunks: readonly Buffer[]
}

function bodyOf({ before, head, bodyBytes, after }: NonNullable<Load['body']>): Body {
  const start = Buffer.from(head, 'base64').subarray(0, bodyBytes)
  const chunks: Buffer[] = []
  for (let left = bodyBytes - start.length; left > 0; left -= chunk.length)
    chunks.push(left < chunk.length ? chunk.subarray(0, left) : chunk)
  // as curl and browsers do: the beginning of the form and of the file in one write, and the end of both
  const first = Buffer.concat([Buffer.from(before, 'base64'), start, chunks.shift() ?? Buffer.alloc(0)])
  const last = Buffer.concat([chunks.pop() ?? Buffer.alloc(0), Buffer.from(after, 'base64')])
  const all = [first, ...chunks, last]
  return { sizeBytes: all.reduce((sum, { length }) => sum + length, 0), chunks: all }
}

/** @returns what went wrong, or null */
async function send(load: Load, body: Body | null, index: number, token: string, agent: Agent): Promise<string | null> {
  const { url, method, headers, suffixes, timeoutMs } = load
  const sending = request(`${url}${suffixes?.[index % suffixes.length] ?? ''}`, {
    method,
    agent,
    headers: {
      ...headers,
      ...(token !== '' && { authorization: `Bearer ${token}` }),
      ...(body && { 'content-length': body.sizeBytes }),
    },
    signal: AbortSignal.timeout(timeoutMs),
  })
  const answered = once(sending, 'response')
  answered.catch(() => {}) // awaited after the body is written
  // The response may come before the end of the body; without one, `answered` rejects.
  if (body === null) sending.end()
  else pipeline(Readable.from(body.chunks), sending).catch(() => {})
  const [response] = (await answered) as [IncomingMessage]
  const text: Buffer[] = []
  for await (const part of response) text.push(part as Buffer)
  const { statusCode = 0 } = response
  return statusCode >= 200 && statusCode < 300 ? null : `${statusCode} ${Buffer.concat(text).toString().slice(0, 300)}`
}

process.on('message', async (load: Load) => process.send?.(await run(load)))
// The benchmark has ended, however it did.
process.on('disconnect', () => process.exit())
