import { type Airlock, AirlockError, type Job, type Progress } from '@airlock/client'
import { Rate } from './format.ts'
import { type Choice, fieldsOf, kindOf } from './kinds.ts'
import { afterReload, hasEnded, isSameFile, phaseText, type Reason, type UploadItem } from './upload-item.ts'
import { store, stored, Value } from './value.ts'

/** Uploads that send at the same time: a browser opens six connections to a server. */
const sendingAtOnce = 2

/** How often progress is shown, in ms. */
const showEveryMs = 100

/** A file beside which the page has not kept anything yet. */
export interface NewFile {
  readonly file: File
  readonly kind?: UploadItem['kind']
  readonly sample?: UploadItem['sample']
}

export interface UploadsDeps {
  readonly airlock: Pick<Airlock, 'upload' | 'jobs' | 'assets'>
  /** Reads a sample again, after a reload. */
  readonly readSample: (sample: NonNullable<UploadItem['sample']>) => Promise<File>
  /** What a screen reader says. */
  readonly announce: (text: string) => void
}

const storedName = 'airlock-uploads'

/** The uploads of this tab, newest first. They outlast a reload of the page; their files do not. */
export class Uploads {
  readonly items: Value<readonly UploadItem[]>
  readonly #deps: UploadsDeps
  readonly #files = new Map<string, File>()
  readonly #running = new Map<string, AbortController>()

  constructor(deps: UploadsDeps) {
    this.#deps = deps
    this.items = new Value(stored<UploadItem[]>(storedName, []).map(afterReload))
    this.items.subscribe(() => store(storedName, this.items.get()))
  }

  /** Follows the uploads that were accepted before the page was reloaded. */
  resume(): void {
    for (const item of this.items.get()) if (item.jobId !== null && !hasEnded(item)) void this.#followToEnd(item.id, item.jobId)
  }

  /** A file whose upload was interrupted continues it. */
  add(files: readonly NewFile[], choice: Choice): void {
    const interrupted = this.items.get().filter(({ phase }) => phase === 'interrupted')
    const isKnown = ({ file }: NewFile) => interrupted.find((item) => isSameFile(item, file))
    for (const one of files) {
      const item = isKnown(one)
      if (item !== undefined) void this.again(item.id, one.file)
    }
    const items = files
      .filter((one) => isKnown(one) === undefined)
      .map(({ file, kind = choice.kind === 'auto' ? kindOf(file) : choice.kind, sample = null }): UploadItem => {
        const id = crypto.randomUUID()
        this.#files.set(id, file)
        return {
          ...{ id, kind, sample, name: file.name, sizeBytes: file.size, lastModified: file.lastModified },
          ...fieldsOf(kind, choice),
          ...{
            phase: 'waiting',
            moments: {},
            sentBytes: 0,
            bytesPerSecond: null,
            continuedFrom: null,
            jobId: null,
            asset: null,
            reason: null,
          },
        }
      })
    this.items.set([...items.toReversed(), ...this.items.get()])
    this.#sendNext()
  }

  /** Sends a file again that was not accepted, or continues one. @throws Error if the chosen file is another one */
  async again(id: string, chosen?: File): Promise<void> {
    const item = this.#of(id)
    if (item === undefined) return
    if (chosen !== undefined && !isSameFile(item, chosen)) throw new Error(`That is another file than '${item.name}'.`)
    const file = chosen ?? this.#files.get(id) ?? (item.sample === null ? undefined : await this.#deps.readSample(item.sample))
    if (file === undefined) throw new Error(`Choose '${item.name}' again.`)
    this.#files.set(id, file)
    const continuedFrom = item.phase === 'interrupted' && item.sentBytes > 0 ? item.sentBytes : null
    this.#change(id, { phase: 'waiting', moments: {}, sentBytes: 0, continuedFrom, jobId: null, reason: null })
    this.#sendNext()
  }

  /** Whether `again` needs the user to choose the file. */
  needsFile = (item: UploadItem): boolean => !this.#files.has(item.id) && item.sample === null

  cancel(id: string): void {
    const running = this.#running.get(id)
    const jobId = this.#of(id)?.jobId ?? null
    if (running !== undefined) running.abort()
    else if (jobId === null) this.#end(id, { phase: 'cancelled' })
    else void this.#deps.airlock.jobs.cancel(jobId).catch((error) => this.#fail(id, error))
  }

  remove(id: string): void {
    this.#files.delete(id)
    this.items.set(this.items.get().filter((item) => item.id !== id))
  }

  removeEnded(): void {
    for (const item of this.items.get()) if (hasEnded(item)) this.remove(item.id)
  }

  /** An asset that was deleted is no longer shown. */
  forgetAsset(assetId: string): void {
    for (const item of this.items.get()) if (item.asset?.id === assetId) this.#change(item.id, { asset: null })
  }

  #of = (id: string): UploadItem | undefined => this.items.get().find((item) => item.id === id)

  #change(id: string, change: Partial<UploadItem>): void {
    this.items.set(this.items.get().map((item) => (item.id === id ? { ...item, ...change } : item)))
  }

  /** Notes a moment only once: a followed job reports its present state again after each reconnection. */
  #reach(id: string, moment: keyof UploadItem['moments'], change: Partial<UploadItem>): void {
    const moments = this.#of(id)?.moments ?? {}
    this.#change(id, { ...change, moments: { ...moments, [moment]: moments[moment] ?? Date.now() } })
  }

  #end(id: string, change: Pick<UploadItem, 'phase'> & Partial<UploadItem>): void {
    this.#reach(id, 'ended', { bytesPerSecond: null, ...change })
    const { name = '', reason = null } = this.#of(id) ?? {}
    this.#deps.announce(`${name}: ${phaseText[change.phase]}.${reason === null ? '' : ` ${reason.detail}`}`)
  }

  #sendNext(): void {
    const items = this.items.get()
    const free = sendingAtOnce - items.filter(({ phase }) => phase === 'sending').length
    const waiting = items.filter(({ phase, id }) => phase === 'waiting' && this.#files.has(id)).toReversed()
    for (const { id } of waiting.slice(0, Math.max(0, free))) void this.#send(id)
  }

  async #send(id: string): Promise<void> {
    const [item, file] = [this.#of(id), this.#files.get(id)]
    if (item === undefined || file === undefined) return
    const ended = new AbortController()
    this.#running.set(id, ended)
    this.#reach(id, 'begun', { phase: 'sending' })
    const { kind: assetType, projectId, brandId } = item
    const onProgress = this.#progressOf(id, ended.signal)
    try {
      const asset = await this.#deps.airlock.upload(file, { assetType, projectId, brandId, signal: ended.signal, onProgress })
      const { asset_id, presigned_url: url, mime_type: mediaType, content_hash: hash } = asset
      this.#end(id, { phase: 'completed', asset: { id: asset_id, url, mediaType, hash } })
      this.#files.delete(id)
    } catch (error) {
      await this.#fail(id, error)
    } finally {
      ended.abort() // nothing is followed any more
      this.#running.delete(id)
      this.#sendNext()
    }
  }

  #progressOf(id: string, ended: AbortSignal): (progress: Progress) => void {
    const rate = new Rate(performance.now())
    let shownAt = Number.NEGATIVE_INFINITY
    return ({ stage, sentBytes, jobId }) => {
      if (ended.aborted) return
      if (stage === 'processing' && jobId !== undefined) {
        this.#reach(id, 'received', { phase: 'queued', sentBytes, bytesPerSecond: null, jobId })
        this.#sendNext()
        return void this.#follow(id, jobId, ended)
      }
      const now = performance.now()
      rate.report(now, sentBytes)
      if (now - shownAt < showEveryMs) return
      shownAt = now
      this.#change(id, { sentBytes, bytesPerSecond: rate.bytesPerSecond() })
    }
  }

  /** Shows when a worker begins; the end of the upload comes from the client. */
  async #follow(id: string, jobId: string, signal: AbortSignal): Promise<void> {
    try {
      for await (const { status } of this.#deps.airlock.jobs.follow(jobId, { signal }))
        if (status === 'processing') this.#reach(id, 'processing', { phase: 'processing' })
    } catch {
      // the upload fails with the same error
    }
  }

  async #followToEnd(id: string, jobId: string): Promise<void> {
    try {
      for await (const job of this.#deps.airlock.jobs.follow(jobId)) await this.#show(id, job)
    } catch (error) {
      await this.#fail(id, error)
    }
  }

  async #show(id: string, { status, asset_id, error }: Job): Promise<void> {
    if (status === 'queued') return this.#change(id, { phase: 'queued' })
    if (status === 'processing') return this.#reach(id, 'processing', { phase: 'processing' })
    if (status !== 'completed' || asset_id === null)
      return this.#end(id, { phase: status === 'rejected' ? endOf(error?.code) : 'failed', reason: error })
    const { presigned_url: url, mime_type: mediaType, content_hash: hash } = await this.#deps.airlock.assets.presign(asset_id)
    this.#end(id, { phase: 'completed', asset: { id: asset_id, url, mediaType, hash } })
  }

  async #fail(id: string, error: unknown): Promise<void> {
    if (!(error instanceof AirlockError)) return this.#end(id, { phase: 'failed', reason: { code: 'page_error', detail: String(error) } })
    const { code, detail, jobId, status, retryAfterMs } = error
    // it may have been too late to cancel it
    if (code === 'aborted' && jobId !== undefined) return this.#followToEnd(id, jobId)
    const retryAt = retryAfterMs === undefined ? undefined : Date.now() + retryAfterMs
    const reason: Reason = { code, detail, retryAt }
    if (code === 'aborted') this.#end(id, { phase: 'cancelled' })
    else if (jobId !== undefined) this.#end(id, { phase: unfinished.has(code) ? 'failed' : endOf(code), reason })
    else this.#end(id, { phase: (status !== undefined && status < 500) || code === 'file_unreadable' ? 'refused' : 'failed', reason })
  }
}

/** Codes of accepted uploads that are not a verdict about the file. */
const unfinished = new Set(['failed', 'processing_failed', 'inspection_failed', 'network_error', 'unexpected_response'])

const endOf = (code: string | undefined): 'cancelled' | 'rejected' => (code === 'cancelled' ? 'cancelled' : 'rejected')
