import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { setTimeout as wait } from 'node:timers/promises'

/** Longer than any response of a gateway, so that late responses are received. */
const defaultTimeoutMs = 14_000

/** Polling delays: most jobs end at once, and others should not fill the log with requests. */
const pause = { firstMs: 50, longestMs: 1_000, growth: 1.5 }

export interface Request {
  readonly method?: string
  readonly token?: string
  readonly form?: FormData
  /** Sent as JSON. */
  readonly json?: unknown
  readonly headers?: Record<string, string>
  /** Aborts the request. */
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs?: number
}

/** `body` is parsed JSON, or text of other types. */
export interface Response {
  readonly status: number
  readonly headers: Headers
  readonly body: unknown
}

/** The result of a request. `lost`: there was no response, so it is unknown what happened; then `status` is 0. */
export type Answer = Pick<Response, 'status' | 'body'> & { readonly lost?: string }

/** `503 service_unavailable`, or why there was no response. */
export const reasonIn = ({ status, body, lost }: Answer): string => lost ?? `${status} ${(body as { code?: string } | null)?.code ?? ''}`

/** Sends one request. @throws if there is no response */
export async function ask(url: string | URL, given: Request = {}): Promise<Response> {
  const { method = 'GET', token, form, json, headers, signal, timeoutMs = defaultTimeoutMs } = given
  const content = form === undefined ? jsonContent(json) : await encodedForm(form)
  const timeout = AbortSignal.timeout(timeoutMs)
  const response = await fetch(url, {
    method,
    headers: { ...(token && { authorization: `Bearer ${token}` }), ...(content && { 'content-type': content.type }), ...headers },
    body: content?.body ?? null,
    signal: signal ? AbortSignal.any([timeout, signal]) : timeout,
  })
  return responseOf(response)
}

export async function responseOf(response: globalThis.Response): Promise<Response> {
  const body = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json') === true
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(body) : body }
}

/** Sends one request without throwing: an error is a lost response. */
export async function call(url: string, given: Request): Promise<Answer> {
  try {
    const { status, body } = await ask(url, given)
    return { status, body }
  } catch (error) {
    const { message, cause } = error as Error
    return { status: 0, body: null, lost: cause instanceof Error ? `${message}: ${cause.message}` : message }
  }
}

interface PostedStream extends Pick<Request, 'token' | 'headers' | 'signal'> {
  readonly type: string
  readonly body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

/** Posts a body while it is produced, on a separate connection. @throws if there is no response */
export async function postStream(url: string, given: PostedStream): Promise<{ status: number; body: string }> {
  const { token, type, body, signal } = given
  const headers = { ...given.headers, authorization: `Bearer ${token}`, 'content-type': type }
  const sending = request(url, { method: 'POST', headers, agent: false, ...(signal && { signal }) })
  const answered = once(sending, 'response')
  pipeline(Readable.from(body), sending).catch(() => {}) // the response may come before the end of the body; without one, `answered` rejects
  const [response] = (await answered) as [IncomingMessage]
  return { status: response.statusCode ?? 0, body: await text(response) }
}

const jsonContent = (json: unknown) => (json === undefined ? null : { body: JSON.stringify(json), type: 'application/json' })

/**
 * Encodes a form before it is sent.
 *
 * With a `FormData`, the fetch of Node 24.21 continues to fill the body of a request whose connection has ended, and throws an uncatchable "ReadableStream
 * is already closed", which ends the process. So the whole body is encoded first.
 */
export async function encodedForm(form: FormData): Promise<{ body: Uint8Array<ArrayBuffer>; type: string }> {
  const encoded = new globalThis.Response(form)
  return { body: new Uint8Array(await encoded.arrayBuffer()), type: encoded.headers.get('content-type') ?? '' }
}

/** A file in a form. */
export interface FormFile {
  readonly name: string
  readonly mediaType: string
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** A form of files, with its fields before or after them. */
export function formOf(fields: Readonly<Record<string, string>>, files: readonly FormFile[], { fieldsFirst = true } = {}): FormData {
  const form = new FormData()
  const append = () => {
    for (const [name, value] of Object.entries(fields)) form.append(name, value)
  }
  if (fieldsFirst) append()
  for (const { bytes, name, mediaType } of files) form.append('files', new File([bytes], name, { type: mediaType }))
  if (!fieldsFirst) append()
  return form
}

/** A token like that of `npm run token` (HS256, RFC 7519), without starting a process. */
export function tokenFor(
  userId: string,
  secret: string,
  { scope, hours = 24 }: { scope?: string | undefined; hours?: number } = {},
): string {
  const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
  const now = Math.floor(Date.now() / 1000)
  const signed = `${encoded({ alg: 'HS256', typ: 'JWT' })}.${encoded({ sub: userId, scope, iat: now, exp: now + hours * 3600 })}`
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}

/** A file to be uploaded, with the fields of its form. */
export interface FileToSend extends FormFile {
  readonly fields: Readonly<Record<string, string>>
}

/** The result of a sent file. */
export type Outcome =
  | { readonly status: 'completed'; readonly assetId: string; readonly provenance?: unknown }
  | { readonly status: 'refused' | 'rejected' | 'failed'; readonly code: string; readonly detail: string }

/** A client of a gateway, over HTTP and with a token. */
export interface Client {
  /** Sends one file and follows its job to the end. */
  send(file: FileToSend): Promise<Outcome>
  /** Downloads an asset through its presigned URL. `key`: its key in the bucket. */
  download(assetId: string): Promise<{ readonly key: string; readonly bytes: Uint8Array }>
}

export interface ClientOptions {
  /** For example `http://127.0.0.1:3000`. */
  readonly baseUrl: string
  readonly token: string
  /** Aborts running requests. */
  readonly signal?: AbortSignal
  /** Timeout of a job. */
  readonly jobTimeoutMs?: number
}

type Refusal = { code?: string; detail?: string } | null

export function gatewayClient({ baseUrl, token, signal = new AbortController().signal, jobTimeoutMs = 30_000 }: ClientOptions): Client {
  const get = async <T>(path: string): Promise<T> => {
    const { status, body } = await ask(new URL(path, baseUrl), { token, signal })
    if (status !== 200)
      throw new Error(`${path} answered ${status}: ${(typeof body === 'string' ? body : JSON.stringify(body)).slice(0, 200)}`)
    return body as T
  }
  const follow = async (statusUrl: string): Promise<Outcome> => {
    const giveUpAt = Date.now() + jobTimeoutMs
    for (let pauseMs = pause.firstMs; Date.now() < giveUpAt; pauseMs = Math.min(pause.longestMs, pauseMs * pause.growth)) {
      const job = await get<{ status: string; asset_id: string | null; error: Refusal; provenance: unknown }>(statusUrl)
      if (job.status === 'completed' && job.asset_id !== null)
        return { status: 'completed', assetId: job.asset_id, provenance: job.provenance }
      if (job.status === 'rejected' || job.status === 'failed') return { status: job.status, ...known(job.error) }
      await wait(pauseMs, undefined, { signal })
    }
    return { status: 'failed', code: 'no_end', detail: `The job was not final after ${jobTimeoutMs} ms.` }
  }
  return {
    async send({ fields, ...file }) {
      const { body } = await ask(new URL('/api/upload', baseUrl), { method: 'POST', token, form: formOf(fields, [file]), signal })
      const { uploads = [], rejected = [], ...refusal } = body as { uploads?: { status_url: string }[]; rejected?: Refusal[] } & Refusal
      if (uploads[0] !== undefined) return follow(uploads[0].status_url)
      return { status: 'refused', ...known(rejected[0] ?? refusal) }
    },
    async download(assetId) {
      const { s3_url: location, presigned_url: url } = await get<Record<'s3_url' | 'presigned_url', string>>(
        `/api/assets/${assetId}/presigned`,
      )
      const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(defaultTimeoutMs)]) })
      if (!response.ok) throw new Error(`the presigned URL answered ${response.status}: ${(await response.text()).slice(0, 200)}`)
      return { key: new URL(location).pathname.slice(1), bytes: await response.bytes() }
    },
  }
}

const known = (refusal: Refusal) => ({ code: refusal?.code ?? 'no_code', detail: refusal?.detail ?? '' })
