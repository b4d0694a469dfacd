import type { CompletedUploads, OpenAnswer, SignedParts, StoredParts } from './api.ts'
import { AirlockError, incomplete, isTransient, refused } from './error.ts'
import type { Http } from './http.ts'
import { explained, type OpenUpload, type Platform, type Source, unreadable } from './platform.ts'
import type { UploadOptions } from './upload-options.ts'

/** Parts that are sent at the same time: browsers open six connections to a server. */
const parallelParts = 4

/** URLs that are requested together: they are valid for a limited time. */
const urlsPerRequest = 16

/** How often missing parts are sent again after the file seemed complete. */
const rounds = 3

/** A slower connection than this is considered broken, in bytes per ms. */
const slowest = 8

/** How long an aborted upload waits for its end, in ms. */
const abortMs = 5000

/** A URL to which bytes are sent. */
type Target = Pick<SignedParts['parts'][number], 'url' | 'headers'>

export interface DirectDeps {
  readonly http: Http
  readonly platform: Platform
}

/** A file on its way to the bucket, without passing through the gateway. */
export class DirectUpload {
  readonly #http: Http
  readonly #platform: Platform
  readonly #source: Source
  readonly #options: UploadOptions
  readonly #onSent: (bytes: number) => void
  /** Under which it is remembered; null: it is not. */
  readonly #key: string | null
  #open: OpenUpload | null = null
  #isAccepted = false
  readonly #targets = new Map<number, Target>()
  /** Missing parts for which no URL was requested yet, in order. */
  #unsigned = new Set<number>()
  /** The request for URLs that is under way: parts that need one wait for it, instead of each requesting the same ones. */
  #signing: Promise<void> | null = null
  /** Sent bytes of each part, and of all. */
  readonly #sent = new Map<number, number>()
  #sentBytes = 0

  constructor(source: Source, options: UploadOptions, { http, platform }: DirectDeps, key: string | null, onSent: (bytes: number) => void) {
    this.#source = source
    this.#options = options
    this.#http = http
    this.#platform = platform
    this.#key = key
    this.#onSent = onSent
  }

  /**
   * Opens the upload, or continues one that an earlier run has begun, sends what the store does not have, and completes it.
   *
   * @returns the id of its job
   */
  async send(): Promise<string> {
    const stored = await this.#resume()
    if (stored === null) await this.#begin()
    for (let missing = this.#missing(stored ?? []), round = 1; ; round++) {
      await this.#sendParts(missing)
      try {
        return await this.#complete()
      } catch (error) {
        if ((error as AirlockError).code !== 'upload_incomplete' || round === rounds) throw error
        missing = this.#missing(await this.#stored())
      }
    }
  }

  /** Forgets an upload that has ended: nothing is to be continued. */
  async forget(): Promise<void> {
    if (this.#key !== null) await this.#platform.memory?.set(this.#key, null).catch(() => {})
  }

  /** Ends an upload that failed: it stays open only if a later run can continue it. */
  async fail(error: unknown): Promise<void> {
    if (this.#open === null) return
    const isPassing = error instanceof AirlockError && isTransient(error)
    if (isPassing && (this.#key !== null || this.#isAccepted)) return
    await this.forget()
    if (this.#isAccepted) return
    const { id, capability } = this.#open
    await this.#http
      .json(`/api/uploads/${id}`, { method: 'DELETE', bearer: capability, signal: AbortSignal.timeout(abortMs) })
      .catch(() => {})
  }

  /** @returns the sizes of the parts that the store has of an upload that was begun earlier, or null if there is none that can be continued */
  async #resume(): Promise<[number: number, bytes: number][] | null> {
    if (this.#key === null) return null
    this.#open = (await this.#platform.memory?.get(this.#key).catch(() => null)) ?? null
    if (this.#open === null) return null
    try {
      return await this.#stored()
    } catch (error) {
      if (!(error instanceof AirlockError) || error.code === 'aborted' || isTransient(error)) throw error
      this.#open = null // it has expired, or was aborted
      return null
    }
  }

  async #begin(): Promise<void> {
    const { assetType, projectId, brandId, metadata, signal } = this.#options
    const { name, type, size } = this.#source
    const files = [{ filename: name, mime_type: type || 'application/octet-stream', size_bytes: size }]
    const json = { asset_type: assetType, project_id: projectId, brand_id: brandId, metadata, files }
    const { body, status } = await this.#http.json<OpenAnswer>('/api/uploads', {
      method: 'POST',
      json,
      signal,
    })
    const [opened] = body.uploads
    if (opened === undefined) throw refused(body.rejected[0] ?? incomplete, { status })
    this.#open = { id: opened.upload_id, capability: opened.capability, partBytes: opened.multipart?.part_size_bytes ?? size }
    if (opened.put !== undefined) this.#targets.set(1, opened.put)
    if (this.#key !== null) await this.#platform.memory?.set(this.#key, this.#open).catch(() => {})
  }

  #missing(stored: readonly [number: number, bytes: number][]): number[] {
    this.#sent.clear()
    for (const [number, bytes] of stored) if (bytes === this.#rangeOf(number).length) this.#sent.set(number, bytes)
    this.#sentBytes = [...this.#sent.values()].reduce((sum, bytes) => sum + bytes, 0)
    this.#onSent(this.#sentBytes)
    const { partBytes } = this.#opened
    const numbers = Array.from({ length: Math.max(1, Math.ceil(this.#source.size / partBytes)) }, (_, i) => i + 1)
    return numbers.filter((number) => !this.#sent.has(number))
  }

  #rangeOf(number: number): { from: number; length: number } {
    const { partBytes } = this.#opened
    const from = (number - 1) * partBytes
    return { from, length: Math.min(partBytes, this.#source.size - from) }
  }

  async #sendParts(missing: readonly number[]): Promise<void> {
    const waiting = missing.values() // shared: each part is taken once
    this.#unsigned = new Set(missing)
    const failed = new AbortController()
    const { signal } = this.#options
    const abort = () => failed.abort(signal?.reason)
    signal?.addEventListener('abort', abort)
    const work = async () => {
      for (const number of waiting) await this.#sendPart(number, failed.signal)
    }
    try {
      await Promise.all(Array.from({ length: parallelParts }, work))
    } finally {
      failed.abort() // a part that can't be sent ends the others too
      signal?.removeEventListener('abort', abort)
    }
  }

  /** Sends a part until the store has it. Each attempt after a failure has a new URL: the reason may be that the old one has expired. */
  async #sendPart(number: number, signal: AbortSignal): Promise<void> {
    const { from, length } = this.#rangeOf(number)
    const body = await this.#source.slice(from, from + length).catch((cause) => {
      throw unreadable(this.#source.name, cause)
    })
    const attempt = async () => {
      const { url, headers } = await this.#targetOf(number, signal)
      const onSent = (bytes: number) => this.#report(number, Math.min(bytes, length))
      const call = { method: 'PUT', body, headers: settable(headers), bearer: null, signal, timeoutMs: 60_000 + length / slowest, onSent }
      await this.#http.once(url, call, async () => {}).catch((error) => explained(error, this.#source))
    }
    await this.#http.retry(() => attempt().catch(isThere), signal, isTransientHere)
    this.#report(number, length)
  }

  #report(number: number, bytes: number): void {
    this.#sentBytes += bytes - (this.#sent.get(number) ?? 0)
    this.#sent.set(number, bytes)
    this.#onSent(this.#sentBytes)
  }

  async #targetOf(number: number, signal: AbortSignal): Promise<Target> {
    while (!this.#targets.has(number)) {
      this.#signing ??= this.#sign(number, signal).finally(() => {
        this.#signing = null
      })
      await this.#signing
    }
    const target = this.#targets.get(number) as Target
    this.#targets.delete(number)
    return target
  }

  /** Gets URLs for a part and for those that come next. */
  async #sign(number: number, signal: AbortSignal): Promise<void> {
    this.#unsigned.delete(number)
    const numbers = [number, ...this.#unsigned].slice(0, urlsPerRequest)
    const { parts } = await this.#ask<SignedParts>('POST', '/parts', { json: { numbers }, signal })
    for (const part of parts) {
      this.#targets.set(part.number, part)
      this.#unsigned.delete(part.number)
    }
    if (!this.#targets.has(number)) throw refused(incomplete)
  }

  async #stored(): Promise<[number: number, bytes: number][]> {
    const { parts } = await this.#ask<StoredParts>('GET', '/parts')
    return parts.map(({ number, size_bytes }) => [number, size_bytes])
  }

  async #complete(): Promise<string> {
    const { uploads } = await this.#ask<CompletedUploads>('POST', '/complete', { timeoutMs: 120_000 })
    this.#isAccepted = true
    return uploads[0]?.job_id ?? this.#opened.id
  }

  async #ask<T>(method: string, path: string, more: { json?: unknown; signal?: AbortSignal; timeoutMs?: number } = {}): Promise<T> {
    const { id, capability } = this.#opened
    const call = { method, bearer: capability, signal: this.#options.signal, ...more }
    return (await this.#http.json<T>(`/api/uploads/${id}${path}`, call)).body
  }

  get #opened(): OpenUpload {
    if (this.#open === null) throw new Error('the upload is not open')
    return this.#open
  }
}

/** Whatever the store answers may pass with a new URL; if the upload has ended, the request for that URL fails with the reason. */
const isTransientHere = (error: AirlockError): boolean => isTransient(error) || error.code === 'unexpected_response'

/** A PUT that is sent only if there is no object: its first attempt had succeeded, and its response was lost. Whether it is the file is judged later. */
function isThere(error: AirlockError): void {
  if (error.code !== 'unexpected_response' || error.status !== 412) throw error
}

/** Without the headers that only browsers may set, from the body and the URL. */
const settable = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !/^(host|content-length)$/i.test(name)))
