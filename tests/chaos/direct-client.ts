import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { call, reasonIn, tokenFor } from '@airlock/testkit/http'
import { openSeconds, type Run } from './cluster.ts'
import type { FileToSend } from './files.ts'
import { type Random, randomFrom } from './random.ts'

export interface DirectClientOptions extends Run {
  readonly number: number
  /** Nothing new is started after it. */
  readonly until: AbortSignal
}

interface Opened {
  readonly upload_id: string
  readonly capability: string
}

interface Part {
  readonly number: number
  readonly size_bytes: number
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

/** How an upload goes on after it was opened. */
const endings = [
  { ending: 'complete', weight: 8 },
  { ending: 'abort', weight: 1 },
  /** The client is killed while it sends, and never comes back: the upload expires. */
  { ending: 'vanish', weight: 1 },
  /** The client sends everything, sleeps until the upload has expired, and then completes it. */
  { ending: 'oversleep', weight: 1 },
] as const

const tries = 12
const intervalMs = [100, 600] as const

/**
 * A client that sends files straight to the store. It repeats every request at any gateway, lies about the bytes of some parts before it sends the right
 * ones, sends some twice, and writes again after each end.
 */
export class DirectClient {
  readonly #options: DirectClientOptions
  readonly #random: Random
  #userId = randomUUID()
  #sent = 0

  constructor(options: DirectClientOptions) {
    this.#options = options
    this.#random = randomFrom(options.seed, `direct client ${options.number}`)
  }

  async run(): Promise<void> {
    const { until, history, samplePool, number } = this.#options
    while (!until.aborted) {
      const assetType = this.#random.chance(0.6) ? 'brand_image' : 'generated_video'
      const file = samplePool.draw(assetType, `d${number}-${++this.#sent}`, this.#random)
      history.addSent(file, this.#userId)
      const opened = await this.#open(file)
      if (opened !== null) await this.#finish(opened, file)
      await wait(this.#random.between(...intervalMs), undefined, { signal: until }).catch(() => {})
    }
  }

  /** Opened once: without a response it is unknown whether there is an upload, which then expires. */
  async #open(file: FileToSend): Promise<Opened | null> {
    const { history, cluster } = this.#options
    const { name: filename, mediaType: mime_type, sizeBytes: size_bytes, sha256, assetType: asset_type } = file
    const project = asset_type === 'generated_video' ? { project_id: randomUUID() } : {}
    const declared = this.#random.chance(0.5) ? { sha256 } : {}
    const json = { asset_type, ...project, files: [{ filename, mime_type, size_bytes, ...declared }] }
    const token = tokenFor(this.#userId, cluster.jwtSecret)
    const answer = await call(`${this.#gateway()}/api/uploads`, { method: 'POST', token, json })
    const { uploads: [opened] = [], code } = (answer.body ?? {}) as { uploads?: Opened[]; code?: string }
    if (opened !== undefined) return opened
    if (code === 'file_limit_reached') {
      history.add({ event: 'limit reached', userId: this.#userId })
      this.#userId = randomUUID()
    }
    if (code !== undefined && answer.status < 500) history.add({ event: 'refused', name: filename, code })
    else history.add({ event: 'failed', what: 'open', name: filename, why: reasonIn(answer) })
    return null
  }

  async #finish(opened: Opened, file: FileToSend): Promise<void> {
    const { ending } = this.#random.weighted(endings)
    const urls = await this.#send(opened, file, ending === 'vanish')
    if (ending === 'vanish') return
    if (ending === 'oversleep') await wait(openSeconds * 1000, undefined, { signal: this.#options.until }).catch(() => {})
    await (ending === 'abort' ? this.#asks(opened, 'DELETE', '') : this.#complete(opened, file))
    for (const { url, headers, size_bytes } of urls) await put(url, headers, Buffer.alloc(size_bytes, 7))
  }

  /** Sends what the store does not have. @param isKilled at some moment on the way @returns all URLs that it got */
  async #send(opened: Opened, { bytes }: FileToSend, isKilled = false): Promise<Part[]> {
    const urls: Part[] = []
    for (let attempt = 0; attempt < tries; attempt += 1) {
      const listed = await this.#asks(opened, 'GET', '/parts')
      const {
        part_size_bytes = 1,
        part_count = 0,
        parts = [],
      } = (listed.body ?? {}) as {
        part_size_bytes?: number
        part_count?: number
        parts?: { number: number }[]
      }
      if (listed.status >= 400 && listed.status < 500) return urls
      const stored = new Set(parts.map(({ number }) => number))
      const numbers = Array.from({ length: part_count }, (_, i) => i + 1).filter((number) => !stored.has(number))
      if (listed.status === 200 && numbers.length === 0) return urls
      const signed = numbers.length === 0 ? null : await this.#asks(opened, 'POST', '/parts', { numbers })
      for (const part of ((signed?.body ?? {}) as { parts?: Part[] }).parts ?? []) {
        urls.push(part)
        if (isKilled && this.#random.chance(0.3)) return urls
        const from = (part.number - 1) * part_size_bytes
        if (this.#random.chance(0.1)) await put(part.url, part.headers, Buffer.alloc(part.size_bytes - 1))
        const times = this.#random.chance(0.1) ? 2 : 1
        for (let time = 0; time < times; time += 1) await put(part.url, part.headers, bytes.subarray(from, from + part.size_bytes))
      }
      await wait(50 * attempt)
    }
    return urls
  }

  async #complete(opened: Opened, file: FileToSend): Promise<void> {
    const { history } = this.#options
    for (let attempt = 0; attempt < tries; attempt += 1) {
      const answer = await this.#asks(opened, 'POST', '/complete')
      const { code = '' } = (answer.body ?? {}) as { code?: string }
      if (answer.status === 202) {
        history.add({ event: 'acknowledged', uploadId: opened.upload_id, name: file.name, by: 'complete 202' })
        return
      }
      if (code === 'upload_incomplete') await this.#send(opened, file)
      else if (answer.status >= 400 && answer.status < 500) {
        history.add({ event: 'refused', name: file.name, code })
        return
      } else history.add({ event: 'failed', what: 'complete', name: file.name, why: reasonIn(answer) })
      await wait(100 * attempt)
    }
  }

  #asks({ upload_id, capability }: Opened, method: string, path: string, json?: object) {
    return call(`${this.#gateway()}/api/uploads/${upload_id}${path}`, { method, token: capability, ...(json && { json }) })
  }

  #gateway(): string {
    return this.#random.pick(this.#options.cluster.gateways)
  }
}

/** Whatever the store answers: parts are listed before the upload is completed. */
async function put(url: string, headers: Readonly<Record<string, string>>, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  await fetch(url, { method: 'PUT', headers, body: bytes, signal: AbortSignal.timeout(5000) })
    .then((response) => response.arrayBuffer())
    .catch(() => {})
}
