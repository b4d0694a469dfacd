import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { ask, tokenFor } from '@airlock/testkit/http'
import type { JobsOptions } from 'bullmq'
import { bucket, type Run, renders } from './cluster.ts'
import { type FileToSend, sha256 } from './files.ts'
import { batchJob, Inbox, newVideo, type Video } from './inbox.ts'
import { type Random, randomFrom } from './random.ts'

/** Ways to submit a video. */
const variants = [
  /** Into the inbox, then a job. */
  { variant: 'with a job', weight: 5 },
  /** Into the inbox, without a job. */
  { variant: 'without a job', weight: 2 },
  /** Over HTTP, from another bucket. */
  { variant: 'by HTTP', weight: 3 },
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
    this.#inbox = new Inbox(options.cluster.stack, bucket)
  }

  async run(): Promise<void> {
    const { until } = this.#options
    try {
      while (!until.aborted) {
        const made = this.#make()
        const { variant } = this.#random.weighted(variants)
        if (variant === 'by HTTP') await this.#submitByHttp(made)
        else await this.#submitToInbox(made, variant === 'with a job')
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
    const userId = this.#userId
    history.addSent(file, userId)
    const projectId = this.#random.pick(this.#projects)
    return { file, video: newVideo({ userId, projectId, filename: file.name, bytes: file.bytes, sha256: announced }) }
  }

  async #submitToInbox({ video, file: { name } }: Made, withJob: boolean): Promise<void> {
    const { history } = this.#options
    if ((await this.#repeat('PUT inbox', name, () => this.#inbox.put(video))) === null) return
    history.add({ event: 'acknowledged', uploadId: video.uploadId, name, by: 'PUT inbox' })
    // only once: if it fails, the sweeper enqueues the video
    if (withJob)
      await this.#inbox.enqueue(video, this.#random.pick(jobOptions)).catch((error: unknown) => this.#failed('enqueue', name, error))
  }

  async #submitByHttp({ video, file: { name, sha256 } }: Made): Promise<void> {
    const { history, cluster } = this.#options
    const { uploadId, projectId } = video
    const source = { bucket: renders, key: `${projectId}/${name}` }
    if ((await this.#repeat('PUT elsewhere', name, () => this.#inbox.putElsewhere(source, video))) === null) return
    history.add({ event: 'rendered', key: source.key, sha256 })
    const announced = video.sha256 !== null && { sha256: video.sha256 }
    const json = { upload_id: uploadId, user_id: this.#userId, project_id: projectId, source, filename: name, ...announced }
    const token = tokenFor(randomUUID(), cluster.jwtSecret, { scope: 'service' })
    const answer = await this.#repeat('POST', name, async () => {
      const answer = await ask(`${this.#random.pick(cluster.gateways)}/api/pipeline/videos`, { method: 'POST', token, json })
      if (answer.status >= 500) throw new Error(String(answer.status))
      return answer
    })
    if (answer === null) return
    const { upload_id: acknowledged = uploadId, code = '' } = answer.body as { upload_id?: string; code?: string }
    if (answer.status === 202) history.add({ event: 'acknowledged', uploadId: acknowledged, name, by: 'POST /api/pipeline/videos' })
    else history.add({ event: 'refused', name, code })
  }

  /** Repeats a call until it succeeds. @returns null if it never did: it may have had its effect or not */
  async #repeat<T>(what: string, name: string, call: () => Promise<T>): Promise<T | null> {
    for (let attempt = 1; attempt <= tries; attempt += 1) {
      try {
        return await call()
      } catch (error) {
        this.#failed(what, name, error)
        await wait(300 * attempt)
      }
    }
    return null
  }

  #failed(what: string, name: string, error: unknown): void {
    this.#options.history.add({ event: 'failed', what, name, why: error instanceof Error ? error.message : String(error) })
  }
}
