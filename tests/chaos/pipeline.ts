import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { call, tokenFor } from '@airlock/testkit/http'
import type { JobsOptions } from 'bullmq'
import { bucket, type Run, renders } from './arena.ts'
import { type FileToSend, sha256 } from './files.ts'
import { batchJob, Inbox, newVideo, type Video } from './inbox.ts'
import { type Random, randomFrom } from './random.ts'

/** How a video is handed over. */
const manners = [
  /** Into the inbox, then a job. */
  { manner: 'rings', weight: 5 },
  /** Into the inbox, and nobody is told. */
  { manner: 'is silent', weight: 2 },
  /** Over HTTP, from a bucket of its own. */
  { manner: 'asks', weight: 3 },
] as const

/** A job with all that the contract says, and one by somebody who read half of it: the sweeper makes up for that. */
const jobOptions: readonly JobsOptions[] = [batchJob, { ...batchJob, priority: 10 }, {}]

const projects = 3
const tries = 5

export interface PipelineOptions extends Run {
  readonly number: number
  /** Begins nothing new after it. */
  readonly until: AbortSignal
}

/** A video, and the file that is sent as it. */
interface Made {
  readonly video: Video
  readonly file: FileToSend
}

/** A video pipeline: puts its videos into the inbox and rings, in the words of BullMQ alone, or has them fetched from a bucket of its own. */
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
    // once: what was not heard, the sweeper rings for
    if (manner === 'rings')
      await this.#inbox.enqueue(video, this.#random.pick(jobOptions)).catch((error: unknown) => this.#failed('ring', file, error))
  }

  /** Tries until the store says that it has the object. @returns false when it never did: it may be there or not */
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
