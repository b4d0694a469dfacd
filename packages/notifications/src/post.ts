import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import { checkedLookup, checkLiteralAddress, type MayCall, type Resolve } from './addresses.ts'

export interface PostOptions {
  /** Usually `isPublicAddress`. */
  readonly mayCall: MayCall
  /** For everything: name lookup, connection, handshake, response. */
  readonly timeoutMs: number
  /** Trusted certificates, in place of Node's own. */
  readonly ca?: string | undefined
  /** Usually a `systemResolve`. */
  readonly resolve: Resolve
  readonly signal?: AbortSignal | undefined
  /** Sent as the header of this name, so that the endpoint can continue the trace. */
  readonly traceparent?: string | null | undefined
}

/** The response of an endpoint. */
export interface Answer {
  readonly status: number
  /** The wait that `Retry-After` asks for; null when it is absent or invalid. */
  readonly retryAfterMs: number | null
}

/** There was no response in time; the message has the time limit. */
export class NoAnswer extends Error {
  override name = 'NoAnswer'
}

/** The maximum that is read of a response's body, so that the endpoint can finish it. It is discarded. */
const maxAnswerBytes = 16 * 1024

/**
 * Sends a message and returns the response, whatever its status. It never follows redirects. Connections are neither kept nor shared, so that
 * each one uses an address that was checked for it.
 *
 * @throws AddressRefused  the endpoint has an address that is not allowed
 * @throws NoAnswer        no response in time
 * @throws Error           an error of the network or TLS
 */
export async function post(url: string, headers: Readonly<Record<string, string>>, body: string, options: PostOptions): Promise<Answer> {
  const target = new URL(url)
  const { mayCall, timeoutMs, ca, resolve } = options
  checkLiteralAddress(target, mayCall)
  const tooLate = AbortSignal.timeout(timeoutMs)
  const signal = options.signal === undefined ? tooLate : AbortSignal.any([tooLate, options.signal])
  const lookup = checkedLookup(resolve, mayCall)
  try {
    const answer = await send(target, body, { method: 'POST', headers, agent: false, lookup, signal, ...(ca !== undefined && { ca }) })
    await discard(answer)
    return { status: answer.statusCode ?? 0, retryAfterMs: retryAfterMs(answer.headers['retry-after']) }
  } catch (error) {
    if (tooLate.aborted) throw new NoAnswer(`no answer within ${timeoutMs / 1000} s`, { cause: error })
    throw withMessage(error as NodeJS.ErrnoException)
  }
}

/** `Retry-After` is a number of seconds or a date (RFC 9110, section 10.2.3). */
function retryAfterMs(header: string | undefined): number | null {
  if (header === undefined) return null
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now()
  return ms > 0 ? ms : null
}

/** After failures at several addresses, Node's error has a code but no message. */
const withMessage = (error: NodeJS.ErrnoException): Error =>
  error.message === '' ? new Error(error.code ?? error.name, { cause: error }) : error

/** Not every end of a connection is an error for Node: one that is upgraded to another protocol only closes. */
const send = (target: URL, body: string, options: https.RequestOptions): Promise<IncomingMessage> =>
  new Promise((answered, failed) => {
    const { request } = target.protocol === 'https:' ? https : http
    const closed = () => failed(new Error('the connection was closed without an answer'))
    request(target, options).on('response', answered).on('error', failed).on('close', closed).end(body)
  })

/** Reads a bounded part of the body and aborts the rest. Errors are ignored: the status is already known. */
async function discard(answer: IncomingMessage): Promise<void> {
  let bytes = 0
  try {
    for await (const chunk of answer) {
      bytes += (chunk as Buffer).length
      if (bytes >= maxAnswerBytes) break
    }
  } catch {
    answer.destroy()
  }
}
