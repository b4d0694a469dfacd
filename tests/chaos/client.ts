import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { type Answer, call, tokenFor } from '@airlock/testkit/http'
import type { Run } from './arena.ts'
import { expensivePicture, type FileToSend, formOf } from './files.ts'
import { ageAsset, deleteUser, insist, useAsset } from './product.ts'
import { type Random, randomFrom } from './random.ts'

/** Ways to send a form. */
const manners = [
  { manner: 'plain', weight: 5 },
  /** Waits for the assets (`Prefer: wait`). */
  { manner: 'waits', weight: 2 },
  /** Repeats a request without a good response under the same key. */
  { manner: 'repeats', weight: 3 },
  /** Disconnects in the middle. */
  { manner: 'hangs up', weight: 1 },
] as const

/** What a client does with an upload after its 202. */
const afterwards = [
  { act: 'leaves', weight: 5 },
  { act: 'follows', weight: 3 },
  { act: 'cancels', weight: 1 },
  { act: 'deletes', weight: 1 },
  /** Does not use its asset, which expires. */
  { act: 'ages', weight: 1 },
  /** Uses its asset after it has become old. */
  { act: 'uses', weight: 1 },
] as const

const tries = 4

/** The interval between forms. */
const apartMs = [20, 250] as const
const expensiveApartMs = [5000, 15_000] as const

/** Probability that an account is deleted after a form. */
const leaving = 0.02

interface UploadAnswer {
  uploads?: { upload_id: string; filename: string }[]
  rejected?: { filename: string; code: string }[]
  code?: string
}

interface JobAnswer {
  status: string
  asset_id: string | null
}

export interface ClientOptions extends Run {
  readonly number: number
  /** Sends only expensive pictures, rarely. */
  readonly expensive?: boolean
  /** Nothing new is started after it; running work continues. */
  readonly until: AbortSignal
}

/** A client that sends one form after the other until the run ends. */
export class Client {
  readonly #options: ClientOptions
  readonly #random: Random
  #userId = randomUUID()
  #sent = 0
  #backgroundTasks: Promise<void>[] = []

  constructor(options: ClientOptions) {
    this.#options = options
    this.#random = randomFrom(options.seed, `client ${options.number}`)
  }

  async run(): Promise<void> {
    const { until, expensive } = this.#options
    const [from, to] = expensive ? expensiveApartMs : apartMs
    while (!until.aborted) {
      await this.#sendForm()
      if (this.#random.chance(leaving)) await this.#leave()
      await wait(this.#random.between(from, to), undefined, { signal: until }).catch(() => {})
    }
    await Promise.all(this.#backgroundTasks)
  }

  async #sendForm(): Promise<void> {
    const { history } = this.#options
    const { manner } = this.#random.weighted(manners)
    const files = this.#draw()
    const idempotencyKey = manner === 'repeats' ? randomUUID() : null
    for (const { bytes: _, ...file } of files) history.add({ event: 'sent', file: { ...file, userId: this.#userId, idempotencyKey } })
    const headers = { ...(manner === 'waits' && { prefer: 'wait=5' }), ...(idempotencyKey && { 'idempotency-key': idempotencyKey }) }
    const form = { projectId: randomUUID(), fieldsFirst: this.#random.chance(0.7) }
    const hangUpAfterMs = this.#random.between(1, 60)
    for (let attempt = 1; attempt <= (manner === 'repeats' ? tries : 1); attempt += 1) {
      const gateway = this.#random.pick(this.#options.arena.gateways)
      const signal = manner === 'hangs up' ? AbortSignal.timeout(hangUpAfterMs) : undefined
      const answer = await call(`${gateway}/api/upload`, {
        method: 'POST',
        token: this.#token(),
        form: formOf(files, form),
        headers,
        signal,
      })
      if (this.#takeAnswer(answer, files, `POST ${gateway}`)) return
      await wait(300 * attempt)
    }
  }

  #draw(): FileToSend[] {
    const { samplePool, number, expensive } = this.#options
    if (expensive) return [expensivePicture(`c${number}-${++this.#sent}`)]
    const assetType = this.#random.chance(0.75) ? 'brand_image' : 'generated_video'
    const count = this.#random.weighted([
      { count: 1, weight: 6 },
      { count: 2, weight: 2 },
      { count: 4, weight: 1 },
    ]).count
    return Array.from({ length: count }, () => samplePool.draw(assetType, `c${number}-${++this.#sent}`, this.#random))
  }

  /** @returns whether the response contains the result of the files */
  #takeAnswer(answer: Answer, files: readonly FileToSend[], by: string): boolean {
    const { history } = this.#options
    if ('lost' in answer) {
      for (const { name } of files) history.add({ event: 'failed', what: by, name, why: answer.lost })
      return false
    }
    const { uploads = [], rejected = [], code = '' } = answer.body as UploadAnswer
    // first of all
    for (const { upload_id: uploadId, filename: name } of uploads)
      history.add({ event: 'acknowledged', uploadId, name, by: `${by} ${answer.status}` })
    for (const { filename: name, code } of rejected) history.add({ event: 'refused', name, code })
    if (answer.status === 429 && (code === 'file_limit_reached' || rejected.some((one) => one.code === 'file_limit_reached')))
      this.#becomeSomebodyElse()
    if (uploads.length === 0 && rejected.length === 0) {
      for (const { name } of files) history.add({ event: 'failed', what: by, name, why: `${answer.status} ${code}` })
    }
    for (const { upload_id: uploadId } of uploads) this.#backgroundTasks.push(this.#goOn(uploadId, this.#random.weighted(afterwards).act))
    return answer.status < 500 && answer.status !== 409
  }

  #becomeSomebodyElse(): void {
    this.#options.history.add({ event: 'limit reached', userId: this.#userId })
    this.#userId = randomUUID()
  }

  /** Deletes the account of this user, whose files may still be in progress. */
  async #leave(): Promise<void> {
    const { arena, history } = this.#options
    const userId = this.#userId
    const [deleted] = await insist<{ at: Date }>(arena, deleteUser, [userId])
    if (deleted !== undefined) history.add({ event: 'user deleted', userId, at: deleted.at })
    this.#userId = randomUUID()
  }

  async #goOn(uploadId: string, act: (typeof afterwards)[number]['act']): Promise<void> {
    const token = this.#token()
    if (act === 'cancels') await this.#ask('cancel asked', 'cancelled', `/api/jobs/${uploadId}`, { uploadId, token, done: isRejected })
    if (act === 'leaves' || act === 'cancels') return
    const assetId = await this.#follow(uploadId, token)
    if (assetId === null) return
    if (act === 'ages' || act === 'uses') await ageAsset(this.#options, uploadId)
    if (act === 'uses') {
      await wait(this.#random.between(0, 3000)) // it may be marked by then, or just being deleted
      await useAsset(this.#options, { gateway: this.#random.pick(this.#options.arena.gateways), uploadId, assetId, token })
    }
    if (act === 'deletes')
      await this.#ask('delete asked', 'deleted', `/api/assets/${assetId}`, { uploadId, token, done: ({ status }) => status === 204 })
  }

  /** Deletes something once; without a response it is unknown whether it happened. */
  async #ask(
    asked: 'cancel asked' | 'delete asked',
    heard: 'cancelled' | 'deleted',
    path: string,
    { uploadId, token, done }: { uploadId: string; token: string; done: (answer: { status: number; body: unknown }) => boolean },
  ): Promise<void> {
    const { history, arena } = this.#options
    history.add({ event: asked, uploadId })
    const answer = await call(`${this.#random.pick(arena.gateways)}${path}`, { method: 'DELETE', token })
    if ('lost' in answer) history.add({ event: 'failed', what: asked, uploadId, why: answer.lost })
    else if (done(answer)) history.add({ event: heard, uploadId })
    else
      history.add({ event: 'failed', what: asked, uploadId, why: `${answer.status} ${(answer.body as UploadAnswer | null)?.code ?? ''}` })
  }

  /** Polls until the upload has ended, or the run has. @returns its asset */
  async #follow(uploadId: string, token: string): Promise<string | null> {
    const { history, arena, until } = this.#options
    while (!until.aborted) {
      const answer = await call(`${this.#random.pick(arena.gateways)}/api/jobs/${uploadId}`, { token })
      if (!('lost' in answer) && answer.status === 200) {
        const { status, asset_id: assetId } = answer.body as JobAnswer
        if (status !== 'queued' && status !== 'processing') {
          history.add({ event: 'ended', uploadId, status, assetId })
          return assetId
        }
      } else if (!('lost' in answer) && answer.status <= 500) {
        history.add({
          event: 'failed',
          what: 'status',
          uploadId,
          why: `${answer.status} ${(answer.body as UploadAnswer | null)?.code ?? ''}`,
        })
      }
      await wait(300)
    }
    return null
  }

  #token(): string {
    return tokenFor(this.#userId, this.#options.arena.jwtSecret)
  }
}

const isRejected = ({ status, body }: { status: number; body: unknown }): boolean =>
  status === 200 && (body as JobAnswer).status === 'rejected'
