import { AirlockError, aborted, isTransient } from './error.ts'

/** A token, or a function that returns a valid one. `refresh`: Airlock has refused the previous one. */
export type Token = string | ((hint: { readonly refresh: boolean }) => string | Promise<string>)

export interface RetryOptions {
  /** How long a failing request is repeated, in ms; 5 minutes by default. */
  readonly forMs?: number
  /** The first delay, in ms; it doubles up to 15 s, and a random part of up to a half is subtracted. 500 by default. */
  readonly firstMs?: number
}

export interface Call {
  readonly method?: string
  readonly json?: unknown
  readonly body?: Blob
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
  /** Sent instead of the token; null: nothing is sent. */
  readonly bearer?: string | null | undefined
  /** How long to wait for the response, in ms. */
  readonly timeoutMs?: number
  /** Receives the number of sent bytes of the body, where the platform knows it. */
  readonly onSent?: ((bytes: number) => void) | undefined
}

/** One request, as `fetch` takes it. */
export type Send = (url: string, request: SentRequest) => Promise<Response>

interface SentRequest {
  readonly method: string
  readonly headers: Record<string, string>
  readonly body: Blob | string | null
  readonly signal: AbortSignal
  readonly onSent?: ((bytes: number) => void) | undefined
}

type Alive = (nextMs?: number) => void

export interface Answer<T> {
  readonly status: number
  readonly headers: Headers
  readonly body: T
}

const longestBackoffMs = 15_000

/** Sends requests with the token, repeats those that may succeed later, and turns every failure into an `AirlockError`. */
export class Http {
  /** Without a slash at its end. */
  readonly base: string
  readonly #token: Token
  readonly #send: Send
  readonly #retry: Required<RetryOptions>

  constructor(base: string, token: Token, send: Send, { forMs = 300_000, firstMs = 500 }: RetryOptions = {}) {
    this.base = base.replace(/\/$/, '')
    this.#token = token
    this.#send = send
    this.#retry = { forMs, firstMs }
  }

  /** The JSON of a successful response. Failures that may pass are retried. */
  json<T>(path: string, call: Call = {}): Promise<Answer<T>> {
    return this.retry(() => this.jsonOnce(path, call), call.signal)
  }

  /** The same in one attempt. */
  jsonOnce<T>(path: string, call: Call = {}): Promise<Answer<T>> {
    return this.once(path, call, async (response) => ({
      status: response.status,
      headers: response.headers,
      body: (await jsonOf(response)) as T,
    }))
  }

  /**
   * Repeats an attempt after a delay while its failure may pass.
   *
   * @param isTransientHere whether a failure may pass
   */
  async retry<T>(attempt: () => Promise<T>, signal?: AbortSignal, isTransientHere = isTransient): Promise<T> {
    const startedAt = performance.now()
    for (let failures = 0; ; failures++) {
      try {
        return await attempt()
      } catch (error) {
        if (!(error instanceof AirlockError) || signal?.aborted || !isTransientHere(error)) throw error
        const delayMs = this.delayMs(failures, error)
        if (performance.now() - startedAt + delayMs > this.#retry.forMs) throw error
        await pause(delayMs, signal)
      }
    }
  }

  /** How long to wait after a number of failures: exponential with jitter, and not less than the response demands. */
  delayMs(failures: number, { retryAfterMs = 0 }: Partial<AirlockError> = {}): number {
    const random = 1 - Math.random() / 2
    return Math.max(retryAfterMs * (2 - random), Math.min(longestBackoffMs, this.#retry.firstMs * 2 ** failures) * random)
  }

  get retryForMs(): number {
    return this.#retry.forMs
  }

  /**
   * One attempt. A token from a function is requested again when Airlock refuses it, so a token that has just expired does not matter.
   *
   * @param read reads the body of a successful response; `alive` restarts the timeout, perhaps with another time
   * @throws AirlockError
   */
  async once<T>(path: string, call: Call, read: (response: Response, alive: Alive) => Promise<T>): Promise<T> {
    const mayRefresh = call.bearer === undefined && typeof this.#token === 'function'
    const url = /^https?:/.test(path) ? path : this.base + path
    const attempt = async (refresh: boolean): Promise<T> => {
      const { method = 'GET', json, body = null, signal, timeoutMs = 30_000, onSent } = call
      const bearer = call.bearer === undefined ? await this.#bearer(refresh) : call.bearer
      const headers = {
        ...(bearer !== null && { authorization: `Bearer ${bearer}` }),
        ...(json !== undefined && { 'content-type': 'application/json' }),
        ...call.headers,
      }
      return within(timeoutMs, signal, async (ended, alive) => {
        const sent = (bytes: number) => {
          alive()
          onSent?.(bytes)
        }
        const content = json === undefined ? body : JSON.stringify(json)
        const response = await this.#send(url, { method, headers, body: content, signal: ended, onSent: onSent && sent })
        if (!response.ok) throw await errorOf(response)
        return read(response, alive)
      })
    }
    return attempt(false).catch((error: AirlockError) => {
      if (error.status === 401 && mayRefresh) return attempt(true)
      throw error
    })
  }

  /** The user of the token, or null if it is not a JWT. The token is not verified: Airlock does that. */
  async subject(): Promise<string | null> {
    try {
      const payload = (await this.#bearer(false)).split('.')[1] ?? ''
      return String(JSON.parse(atob(payload.replace(/-/g, '+').replace(/_/g, '/'))).sub)
    } catch {
      return null
    }
  }

  async #bearer(refresh: boolean): Promise<string> {
    if (typeof this.#token === 'string') return this.#token
    try {
      return await this.#token({ refresh })
    } catch (cause) {
      throw new AirlockError({ code: 'token_unavailable', detail: 'The function that returns the token has failed.', cause })
    }
  }
}

/**
 * Runs a request that is aborted with the caller's signal, or when it has shown no sign of life for a time.
 *
 * @throws AirlockError `aborted` or `network_error` in place of what `fetch` throws
 */
async function within<T>(ms: number, signal: AbortSignal | undefined, work: (ended: AbortSignal, alive: Alive) => Promise<T>): Promise<T> {
  if (signal?.aborted) throw aborted(signal)
  const ended = new AbortController()
  const end = () => ended.abort()
  let timer = setTimeout(end, ms)
  const alive: Alive = (nextMs = ms) => {
    clearTimeout(timer)
    timer = setTimeout(end, nextMs)
  }
  signal?.addEventListener('abort', end)
  try {
    return await work(ended.signal, alive)
  } catch (cause) {
    if (signal?.aborted) throw aborted(signal)
    throw cause instanceof AirlockError ? cause : networkError(cause)
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', end)
  }
}

const networkError = (cause: unknown): AirlockError =>
  new AirlockError({ code: 'network_error', detail: 'There was no response: the connection failed, or took too long.', cause })

/** The body of a successful response, null if it has none. @throws AirlockError `unexpected_response` for anything but JSON */
async function jsonOf(response: Response): Promise<unknown> {
  const text = await response.text()
  if (response.status === 204) return null
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw unexpected(response, cause)
  }
}

/** Error responses of Airlock are JSON with a code; others come from a proxy, or from the object store. */
async function errorOf(response: Response): Promise<AirlockError> {
  const { status, headers } = response
  const text = await response.text()
  try {
    const { code, detail, request_id, rejected } = JSON.parse(text)
    if (typeof code !== 'string' || typeof detail !== 'string') throw new TypeError('not an error of Airlock')
    const [refusal = { code, detail }] = rejected ?? []
    return new AirlockError({ ...refusal, status, requestId: request_id, retryAfterMs: retryAfterOf(headers) })
  } catch (cause) {
    return unexpected(response, cause)
  }
}

const unexpected = ({ status, headers }: Response, cause: unknown): AirlockError =>
  new AirlockError({
    code: 'unexpected_response',
    detail: `The response (status ${status}) is not from Airlock, perhaps from a proxy.`,
    status,
    requestId: headers.get('x-request-id') ?? undefined,
    retryAfterMs: retryAfterOf(headers),
    cause,
  })

/** `Retry-After` in ms. A time is compared with the time of the same server, because the clock of this machine may be wrong. */
function retryAfterOf(headers: Headers): number | undefined {
  const text = headers.get('retry-after')
  if (text === null) return undefined
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.parse(headers.get('date') ?? '')) / 1000
  return Number.isFinite(seconds) ? Math.max(0, seconds * 1000) : undefined
}

/** @throws AirlockError `aborted` */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer)
      reject(aborted(signal as AbortSignal))
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort)
      resolve()
    }, ms)
    if (signal?.aborted) abort()
    signal?.addEventListener('abort', abort, { once: true })
  })
}
