import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { call, tokenFor } from '@airlock/testkit/http'
import type { JobsOptions } from 'bullmq'
import { bucket, type Run, renders } from './arena.ts'
import { type FileToSend, sha256 } from './files.ts'
import { batchJob, Inbox, newVideo, type Video } from './inbox.ts'
import { type Random, randomFrom } from './random.ts'

/** Ways to submit a video. */
const manners = [
  /** Into the inbox, then a job. */
  { manner: 'rings', weight: 5 },
  /** Into the inbox, without a job. */
  { manner: 'is silent', weight: 2 },
  /** Over HTTP, from another bucket. */
  { manner: 'asks', weight: 3 },
] as const

/** A job as in the contract, and one that violates it: the sweeper repairs that. */
const jobOptions: readonly JobsOptions[] = [batchJob, { ...batchJob, priority: 10 }, {}]

const projects = 3
const tries = 5

export interface PipelineOptions extends Run {
  readonly number: number
  /** Nothing new is started after it. */
  readonly until: AbortSignal
}

/** A video, and the file that is sent as it. */
interface Made {
  readonly video: Video
  readonly file: FileToSend
}

/** A video pipeline that stores its videos in the inbox and enqueues jobs by BullMQ only, or submits them from another bucket. */
export class Pipeline {
  readonly #options: PipelineOptions
  readonly #random: Random
  readonly #userId = randomUUID()
  readonly #projects = Array.from({ length: projects }, () => randomUUID())
  readonly #inbox: Inbox
  #made = 0

  constructor(options: PipelineOptions) {
    this.#options = options
    this.#random = randomFrom(options.seed, `pipeline ${options.number}`)
    this.#inbox = new Inbox(options.arena.stack, bucket)
  }

  async run(): Promise<void> {
    const { until } = this.#options
    try {
      while (!until.aborted) {
        await this.#handOver(this.#make(), this.#random.weighted(manners).manner)
        await wait(this.#random.between(200, 900))
      }
    } finally {
      this.#inbox.close()
    }
  }

  #make(): Made {
    const { history, samplePool, number } = this.#options
    const drawn = samplePool.draw('generated_video', `p${number}-${++this.#made}`, this.#random)
    const isWrong = drawn.expected === 'completed' && this.#random.chance(0.1)
    const file = isWrong ? { ...drawn, expected: 'digest_mismatch' } : drawn
    const announced = isWrong ? sha256(Buffer.from(file.name)) : this.#random.chance(0.5) ? file.sha256 : null
    const { bytes, ...sent } = file
    const userId = this.#userId
    history.add({ event: 'sent', file: { ...sent, userId, idempotencyKey: null } })
    const projectId = this.#random.pick(this.#projects)
    return { file, video: newVideo({ userId, projectId, filename: file.name, bytes, sha256: announced }) }
  }

  async #handOver(made: Made, manner: (typeof manners)[number]['manner']): Promise<void> {
    if (manner === 'asks') return this.#ask(made)
    const { video, file } = made
    if (!(await this.#insists('PUT inbox', file, () => this.#inbox.put(video)))) return
    this.#options.history.add({ event: 'acknowledged', uploadId: video.uploadId, name: file.name, by: 'PUT inbox' })
    // only once: if it fails, the sweeper enqueues the video
    if (manner === 'rings')
      await this.#inbox.enqueue(video, this.#random.pick(jobOptions)).catch((error: unknown) => this.#failed('ring', file, error))
  }

  /** Tries until the store confirms the object. @returns false if it never did: the object may exist or not */
  async #insists(what: string, file: FileToSend, put: () => Promise<void>): Promise<boolean> {
    for (let attempt = 1; attempt <= tries; attempt += 1) {
      try {
        await put()
        return true
      } catch (error) {
        this.#failed(what, file, error)
        await wait(300 * attempt)
      }
    }
    return false
  }

  async #ask({ video, file }: Made): Promise<void> {
    const { history, arena } = this.#options
    const { uploadId, projectId } = video
    const key = `${projectId}/${file.name}`
    if (!(await this.#insists('PUT elsewhere', file, () => this.#inbox.putElsewhere({ bucket: renders, key }, video)))) return
    history.add({ event: 'rendered', key, sha256: file.sha256 })
    const json = {
      upload_id: uploadId,
      user_id: this.#userId,
      project_id: projectId,
      source: { bucket: renders, key },
      filename: file.name,
      ...(video.sha256 !== null && { sha256: video.sha256 }),
    }
    for (let attempt = 1; attempt <= tries; attempt += 1) {
      const gateway = this.#random.pick(arena.gateways)
      const token = tokenFor(randomUUID(), arena.jwtSecret, { scope: 'service' })
      const answer = await call(`${gateway}/api/pipeline/videos`, { method: 'POST', token, json })
      if (!('lost' in answer) && answer.status < 500) return this.#takeAnswer(answer, uploadId, file)
      this.#failed(`POST ${gateway}`, file, new Error('lost' in answer ? answer.lost : String(answer.status)))
      await wait(300 * attempt)
    }
  }

  #takeAnswer({ status, body }: { status: number; body: unknown }, uploadId: string, { name }: FileToSend): void {
    const { history } = this.#options
    const { upload_id: told, code = '' } = body as { upload_id?: string; code?: string }
    if (status === 202) history.add({ event: 'acknowledged', uploadId: told ?? uploadId, name, by: 'POST /api/pipeline/videos' })
    else history.add({ event: 'refused', name, code })
  }

  #failed(what: string, { name }: FileToSend, error: unknown): void {
    this.#options.history.add({ event: 'failed', what, name, why: error instanceof Error ? error.message : String(error) })
  }
}
