import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import { checkedLookup, checkLiteralAddress, type MayCall, type Resolve } from './checked-lookup.ts'

export interface PostOptions {
  /** Usually `isPublicAddress`. */
  readonly mayCall: MayCall
  /** For all of it: name, connection, handshake, answer. */
  readonly timeoutMs: number
  /** Certificates that are trusted instead of those that Node trusts. */
  readonly ca?: string | undefined
  /** Usually a `systemResolve`. */
  readonly resolve: Resolve
  readonly signal?: AbortSignal | undefined
}

/** What an endpoint said. */
export interface Answer {
  readonly status: number
  /** For how long it wants to be left alone; null when it said nothing of that, or nothing that we understand. */
  readonly retryAfterMs: number | null
}

/** There was no answer in time; the message says for how long was waited. */
export class NoAnswer extends Error {
  override name = 'NoAnswer'
}

/** What is read of an answer's body, so that the endpoint can end it in peace. Nobody looks at it. */
const maxAnswerBytes = 16 * 1024

/**
 * Sends a message and gives back what was answered, whatever it is. Never follows a redirect. Not one connection is kept or shared,
 * so each goes to an address that was checked for it.
 *
 * @throws AddressRefused  the endpoint has an address that may not be called
 * @throws NoAnswer        not in time
 * @throws Error           what the network or TLS says
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
    throw told(error as NodeJS.ErrnoException)
  }
}

/** `Retry-After` is a number of seconds or a date (RFC 9110, section 10.2.3). */
function retryAfterMs(header: string | undefined): number | null {
  if (header === undefined) return null
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now()
  return ms > 0 ? ms : null
}

/** What was tried at several addresses fails with an error that has a code and no message. */
const told = (error: NodeJS.ErrnoException): Error => (error.message === '' ? new Error(error.code ?? error.name, { cause: error }) : error)

/** Not every end of a connection is an error to Node: one that changes to another protocol just closes. */
const send = (target: URL, body: string, options: https.RequestOptions): Promise<IncomingMessage> =>
  new Promise((answered, failed) => {
    const { request } = target.protocol === 'https:' ? https : http
    const closed = () => failed(new Error('the connection was closed without an answer'))
    request(target, options).on('response', answered).on('error', failed).on('close', closed).end(body)
  })

/** Reads a little, and cuts the rest off. What goes wrong by now changes nothing: the status is known. */
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
