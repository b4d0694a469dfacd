import { setTimeout as wait } from 'node:timers/promises'
import { encodedForm } from '@airlock/testkit/encoded-form'

/** A file on its way in, as a form has it. */
export interface FileToSend {
  readonly filename: string
  readonly mediaType: string
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly fields: Readonly<Record<string, string>>
}

/** What became of a file that was sent. */
export type Outcome =
  | { readonly status: 'completed'; readonly assetId: string }
  | { readonly status: 'refused' | 'rejected' | 'failed'; readonly code: string; readonly detail: string }

/** An asset as its owner can fetch it. */
export interface Download {
  /** Where it lies in the bucket. */
  readonly key: string
  readonly bytes: Uint8Array
}

/** The gateway, as any client sees it: over HTTP and with a token. */
export interface Client {
  /** Sends one file and follows its job to the end. */
  send(file: FileToSend): Promise<Outcome>
  /** Fetches an asset's bytes through its presigned URL. */
  download(assetId: string): Promise<Download>
}

export interface ClientOptions {
  /** For example `http://127.0.0.1:3000`. */
  readonly baseUrl: string
  readonly token: string
  /** Ends whatever is under way. */
  readonly signal: AbortSignal
  /** The longest that a job may take, in milliseconds. */
  readonly jobTimeoutMs?: number
}

const callTimeoutMs = 15_000

/** Most jobs end at once; one that doesn't need not fill the log with our questions. */
const pause = { firstMs: 50, longestMs: 1_000, growth: 1.5 }

interface Refusal {
  code: string
  detail: string
}

interface Answers {
  upload: { uploads?: { status_url: string }[]; rejected?: Refusal[] } & Partial<Refusal>
  job: { status: string; asset_id: string | null; error: Refusal | null }
  presigned: { s3_url: string; presigned_url: string }
}

/** A client of a running gateway; the samples of `npm start` go through it. */
export function gatewayClient({ baseUrl, token, signal, jobTimeoutMs = 30_000 }: ClientOptions): Client {
  const authorized = { authorization: `Bearer ${token}` }
  const call = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(new URL(path, baseUrl), { ...init, headers: { ...authorized, ...init.headers }, signal: bounded(signal) })

  async function follow(statusUrl: string): Promise<Outcome> {
    const giveUpAt = Date.now() + jobTimeoutMs
    for (let pauseMs = pause.firstMs; Date.now() < giveUpAt; pauseMs = Math.min(pause.longestMs, pauseMs * pause.growth)) {
      const job = await jsonOf<Answers['job']>(await call(statusUrl))
      if (job.status === 'completed' && job.asset_id !== null) return { status: 'completed', assetId: job.asset_id }
      if (job.status === 'rejected' || job.status === 'failed') return { status: job.status, ...known(job.error) }
      await wait(pauseMs, undefined, { signal })
    }
    return { status: 'failed', code: 'no_end', detail: `The job was not final after ${jobTimeoutMs} ms.` }
  }

  return {
    async send(file) {
      const { body: form, type } = await encodedForm(formOf(file))
      const answer = await call('/api/upload', { method: 'POST', headers: { 'content-type': type }, body: form })
      const body = (await answer.json()) as Answers['upload']
      const [upload] = body.uploads ?? []
      if (answer.ok && upload !== undefined) return follow(upload.status_url)
      return { status: 'refused', ...known(body.rejected?.[0] ?? body) }
    },

    async download(assetId) {
      const { s3_url: location, presigned_url: url } = await jsonOf<Answers['presigned']>(await call(`/api/assets/${assetId}/presigned`))
      const answer = await fetch(url, { signal: bounded(signal) })
      if (!answer.ok) throw new Error(`the presigned URL answered ${answer.status}: ${(await answer.text()).slice(0, 200)}`)
      return { key: new URL(location).pathname.slice(1), bytes: await answer.bytes() }
    },
  }
}

const bounded = (signal: AbortSignal): AbortSignal => AbortSignal.any([signal, AbortSignal.timeout(callTimeoutMs)])

function formOf({ filename, mediaType, bytes, fields }: FileToSend): FormData {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.set(name, value)
  form.set('files', new File([bytes], filename, { type: mediaType }))
  return form
}

async function jsonOf<T>(answer: Response): Promise<T> {
  if (!answer.ok) throw new Error(`${answer.url} answered ${answer.status}: ${(await answer.text()).slice(0, 200)}`)
  return (await answer.json()) as T
}

const known = (refusal: Partial<Refusal> | null): Refusal => ({ code: refusal?.code ?? 'no_code', detail: refusal?.detail ?? '' })
