import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { call, type Request, reasonIn, tokenFor } from '@airlock/testkit/http'
import type { Run } from './cluster.ts'
import { expensivePicture, type FileToSend, formOf } from './files.ts'
import { type Random, randomFrom } from './random.ts'
import { ageAsset, deleteUser, execute, useAsset } from './statements.ts'

/** Ways to send a form. */
const variants = [
  { variant: 'plain', weight: 5 },
  /** Waits for the assets (`Prefer: wait`). */
  { variant: 'waits', weight: 2 },
  /** Repeats a request without a good response under the same key. */
  { variant: 'repeats', weight: 3 },
  /** Disconnects in the middle. */
  { variant: 'disconnects', weight: 1 },
] as const

/** What a client does with an upload after its 202. */
const followUps = [
  { followUp: 'none', weight: 5 },
  { followUp: 'poll', weight: 3 },
  { followUp: 'cancel', weight: 1 },
  { followUp: 'delete', weight: 1 },
  /** Does not use its asset, which expires. */
  { followUp: 'age', weight: 1 },
  /** Uses its asset after it has become old. */
  { followUp: 'use', weight: 1 },
] as const
type FollowUp = (typeof followUps)[number]['followUp']

/** Numbers of files in a form. */
const fileCounts = [
  { count: 1, weight: 6 },
  { count: 2, weight: 2 },
  { count: 4, weight: 1 },
] as const

const tries = 4

/** The interval between forms, in ms. */
const intervalMs = [20, 250] as const
const expensiveIntervalMs = [5000, 15_000] as const

/** Probability that an account is deleted after a form. */
const deletionRate = 0.02

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
    const [from, to] = expensive ? expensiveIntervalMs : intervalMs
    while (!until.aborted) {
      await this.#sendForm()
      if (this.#random.chance(deletionRate)) await this.#deleteAccount()
      await wait(this.#random.between(from, to), undefined, { signal: until }).catch(() => {})
    }
    await Promise.all(this.#backgroundTasks)
  }

  async #sendForm(): Promise<void> {
    const { history } = this.#options
    const { variant } = this.#random.weighted(variants)
    const files = this.#draw()
    const userId = this.#userId
    const idempotencyKey = variant === 'repeats' ? randomUUID() : null
    for (const file of files) history.addSent(file, userId)
    const headers = { ...(variant === 'waits' && { prefer: 'wait=5' }), ...(idempotencyKey && { 'idempotency-key': idempotencyKey }) }
    const form = formOf(files, { projectId: randomUUID(), fieldsFirst: this.#random.chance(0.7) })
    const disconnectAfterMs = this.#random.between(1, 60)
    for (let attempt = 1; attempt <= (variant === 'repeats' ? tries : 1); attempt += 1) {
      const signal = variant === 'disconnects' ? AbortSignal.timeout(disconnectAfterMs) : undefined
      const result = await sendForm(files, { gateway: this.#gateway(), userId, form, headers, signal }, this.#options)
      if (result.code === 'file_limit_reached') {
        history.add({ event: 'limit reached', userId })
        this.#userId = randomUUID()
      }
      for (const { upload_id: uploadId } of result.uploads)
        this.#backgroundTasks.push(this.#followUp(uploadId, userId, this.#random.weighted(followUps).followUp))
      if (result.status !== 0 && result.status < 500 && result.status !== 409) return
      await wait(300 * attempt)
    }
  }

  #draw(): FileToSend[] {
    const { samplePool, number, expensive } = this.#options
    if (expensive) return [expensivePicture(`c${number}-${++this.#sent}`)]
    const assetType = this.#random.chance(0.75) ? 'brand_image' : 'generated_video'
    const { count } = this.#random.weighted(fileCounts)
    return Array.from({ length: count }, () => samplePool.draw(assetType, `c${number}-${++this.#sent}`, this.#random))
  }

  /** Deletes the account of this user, whose files may still be in progress. */
  async #deleteAccount(): Promise<void> {
    const { cluster, history } = this.#options
    const userId = this.#userId
    const [deleted] = await execute<{ at: Date }>(cluster, deleteUser, [userId])
    if (deleted !== undefined) history.add({ event: 'user deleted', userId, at: deleted.at })
    this.#userId = randomUUID()
  }

  async #followUp(uploadId: string, userId: string, followUp: FollowUp): Promise<void> {
    const token = tokenFor(userId, this.#options.cluster.jwtSecret)
    if (followUp === 'cancel') return this.#delete(`/api/jobs/${uploadId}`, uploadId, token, 'cancel')
    if (followUp === 'none') return
    const assetId = await this.#poll(uploadId, token)
    if (assetId === null) return
    if (followUp === 'age' || followUp === 'use') await ageAsset(this.#options, uploadId)
    if (followUp === 'use') {
      await wait(this.#random.between(0, 3000)) // it may be marked by then, or just being deleted
      await useAsset(this.#options, { gateway: this.#gateway(), uploadId, assetId, token })
    }
    if (followUp === 'delete') await this.#delete(`/api/assets/${assetId}`, uploadId, token, 'delete')
  }

  /** Cancels or deletes something once; without a response it is unknown whether it happened. */
  async #delete(path: string, uploadId: string, token: string, what: 'cancel' | 'delete'): Promise<void> {
    const { history } = this.#options
    history.add({ event: `${what} asked`, uploadId })
    const answer = await call(`${this.#gateway()}${path}`, { method: 'DELETE', token })
    const { status } = (answer.body ?? {}) as { status?: string }
    if (answer.status === 204 || (answer.status === 200 && status === 'rejected')) history.add({ event: `${what} done`, uploadId })
    else history.add({ event: 'failed', what, uploadId, why: reasonIn(answer) })
  }

  /** Polls until the upload has ended, or the run has. @returns its asset */
  async #poll(uploadId: string, token: string): Promise<string | null> {
    const { history, until } = this.#options
    while (!until.aborted) {
      const answer = await call(`${this.#gateway()}/api/jobs/${uploadId}`, { token })
      const { status = '', asset_id: assetId = null } = (answer.body ?? {}) as Partial<Record<string, string>>
      if (answer.status === 200 && status !== 'queued' && status !== 'processing') {
        history.add({ event: 'ended', uploadId, status, assetId })
        return assetId
      }
      if (answer.status >= 400 && answer.status <= 500) history.add({ event: 'failed', what: 'status', uploadId, why: reasonIn(answer) })
      await wait(300)
    }
    return null
  }

  #gateway(): string {
    return this.#random.pick(this.#options.cluster.gateways)
  }
}

export interface SentForm extends Pick<Request, 'headers' | 'signal'> {
  readonly gateway: string
  readonly userId: string
  readonly form: FormData
}

/** The body of a response to a form. */
interface FormAnswer {
  readonly code?: string
  readonly uploads?: readonly { readonly upload_id: string; readonly filename: string; readonly presigned_url?: string | null }[]
  readonly rejected?: readonly { readonly filename: string; readonly code: string }[]
}

/** Sends a form, and records the result of each of its files. @returns its first error, too; `status` is 0 without a response */
export async function sendForm(
  files: readonly FileToSend[],
  { gateway, userId, ...request }: SentForm,
  { history, cluster }: Pick<Run, 'history' | 'cluster'>,
) {
  const what = `POST ${gateway}`
  const answer = await call(`${gateway}/api/upload`, { ...request, method: 'POST', token: tokenFor(userId, cluster.jwtSecret) })
  const { uploads = [], rejected = [], code = rejected[0]?.code ?? answer.lost ?? '' } = (answer.body ?? {}) as FormAnswer
  // first of all
  for (const { upload_id: uploadId, filename: name } of uploads)
    history.add({ event: 'acknowledged', uploadId, name, by: `${what} ${answer.status}` })
  // the URL of an asset in the answer (`Prefer: wait`) is a use of the asset
  for (const { upload_id: uploadId, presigned_url: url } of uploads) if (url != null) history.add({ event: 'use asked', uploadId })
  for (const { filename: name, code } of rejected) history.add({ event: 'refused', name, code })
  if (uploads.length === 0 && rejected.length === 0)
    for (const { name } of files) history.add({ event: 'failed', what, name, why: reasonIn(answer) })
  return { status: answer.status, code, uploads }
}
