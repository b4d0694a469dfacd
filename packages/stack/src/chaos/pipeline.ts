import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { type JobsOptions, Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { s3Client } from '../servers/s3.ts'
import { within } from '../wait-for.ts'
import { type Arena, bucket, renders } from './arena.ts'
import { type FileToSend, type Magazine, sha256 } from './files.ts'
import type { History } from './history.ts'
import { call } from './http.ts'
import { type Random, randomFrom } from './random.ts'
import { tokenFor } from './token.ts'

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
const jobOptions: readonly JobsOptions[] = [
  { priority: 10, attempts: 100, backoff: { type: 'custom' }, removeOnComplete: true },
  { priority: 20, attempts: 100, backoff: { type: 'custom' }, removeOnComplete: true },
  {},
]

const projects = 3
const tries = 5

/** How long a bell may take, in ms. */
const ringMs = 2000

export interface PipelineOptions {
  readonly seed: number
  readonly number: number
  readonly arena: Arena
  readonly magazine: Magazine
  readonly history: History
  /** Begins nothing new after it. */
  readonly until: AbortSignal
}

/** A video that this pipeline made, and what it says of it. */
interface Video {
  readonly uploadId: string
  readonly projectId: string
  readonly file: FileToSend
  /** As it is announced: now and then it is another one's. */
  readonly sha256: string | null
}

/** A video pipeline: puts its videos into the inbox and rings, in the words of BullMQ alone, or has them fetched from a bucket of its own. */
export class Pipeline {
  readonly #options: PipelineOptions
  readonly #random: Random
  readonly #userId = randomUUID()
  readonly #projects = Array.from({ length: projects }, () => randomUUID())
  readonly #s3: S3Client
  readonly #redis: Redis
  readonly #queue: Queue
  #made = 0

  constructor(options: PipelineOptions) {
    const { stack } = options.arena
    this.#options = options
    this.#random = randomFrom(options.seed, `pipeline ${options.number}`)
    this.#s3 = s3Client(stack.s3)
    this.#redis = new Redis(stack.redis.url, { maxRetriesPerRequest: 1, enableOfflineQueue: false, commandTimeout: ringMs })
    this.#redis.on('error', () => {}) // what could not be sent is told by the call
    this.#queue = new Queue('airlock-videos', { connection: this.#redis, prefix: '{airlock}' })
    this.#queue.on('error', () => {})
  }

  async run(): Promise<void> {
    const { until } = this.#options
    try {
      while (!until.aborted) {
        await this.#handOver(this.#make(), this.#random.weighted(manners).manner)
        await wait(this.#random.between(200, 900))
      }
    } finally {
      this.#s3.destroy()
      this.#redis.disconnect()
    }
  }

  #make(): Video {
    const { history, magazine, number } = this.#options
    const drawn = magazine.draw('generated_video', `p${number}-${++this.#made}`, this.#random)
    const isWrong = drawn.expected === 'completed' && this.#random.chance(0.1)
    const file = isWrong ? { ...drawn, expected: 'digest_mismatch' } : drawn
    const announced = isWrong ? sha256(Buffer.from(file.name)) : this.#random.chance(0.5) ? file.sha256 : null
    const { bytes: _, ...sent } = file
    history.add({ event: 'sent', file: { ...sent, userId: this.#userId, idempotencyKey: null } })
    return { uploadId: randomUUID(), projectId: this.#random.pick(this.#projects), file, sha256: announced }
  }

  async #handOver(video: Video, manner: (typeof manners)[number]['manner']): Promise<void> {
    if (manner === 'asks') return this.#ask(video)
    const key = `pipeline-inbox/${video.projectId}/${video.uploadId}.mp4`
    const metadata = {
      'user-id': this.#userId,
      filename: encodeURIComponent(video.file.name),
      ...(video.sha256 && { sha256: video.sha256 }),
    }
    if (!(await this.#put(video, { Bucket: bucket, Key: key, Metadata: metadata }))) return
    this.#options.history.add({ event: 'acknowledged', uploadId: video.uploadId, name: video.file.name, by: `PUT ${key}` })
    if (manner === 'rings') await this.#ring(video, key)
  }

  /** Puts a video until the store says that it has it. @returns false when it never did: the object may be there or not */
  async #put({ file }: Video, place: { Bucket: string; Key: string; Metadata?: Record<string, string> }): Promise<boolean> {
    for (let attempt = 1; attempt <= tries; attempt += 1) {
      try {
        await this.#s3.send(new PutObjectCommand({ ...place, Body: file.bytes }))
        return true
      } catch (error) {
        this.#failed(`PUT ${place.Bucket}`, file, error)
        await wait(300 * attempt)
      }
    }
    return false
  }

  /** Once: what was not heard, the sweeper rings for. */
  async #ring({ uploadId, projectId, file, sha256 }: Video, key: string): Promise<void> {
    const payload = { version: 1, upload_id: uploadId, user_id: this.#userId, project_id: projectId, key, filename: file.name }
    const job = this.#queue.add(
      'generated_video',
      { ...payload, ...(sha256 !== null && { sha256 }) },
      { jobId: uploadId, ...this.#random.pick(jobOptions) },
    )
    await within(ringMs, job, 'the job to be added').catch((error: unknown) => this.#failed('ring', file, error))
  }

  async #ask(video: Video): Promise<void> {
    const { history, arena } = this.#options
    const { uploadId, projectId, file } = video
    const key = `${projectId}/${file.name}`
    if (!(await this.#put(video, { Bucket: renders, Key: key }))) return
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
      const token = tokenFor(randomUUID(), arena.jwtSecret, 'service')
      const answer = await call(`${gateway}/api/pipeline/videos`, { method: 'POST', token, json })
      if (!('lost' in answer) && answer.status < 500) return this.#takeAnswer(answer, video)
      this.#failed(`POST ${gateway}`, file, new Error('lost' in answer ? answer.lost : String(answer.status)))
      await wait(300 * attempt)
    }
  }

  #takeAnswer({ status, body }: { status: number; body: unknown }, { uploadId, file: { name } }: Video): void {
    const { history } = this.#options
    const { upload_id: told, code = '' } = body as { upload_id?: string; code?: string }
    if (status === 202) history.add({ event: 'acknowledged', uploadId: told ?? uploadId, name, by: 'POST /api/pipeline/videos' })
    else history.add({ event: 'refused', name, code })
  }

  #failed(what: string, { name }: FileToSend, error: unknown): void {
    this.#options.history.add({ event: 'failed', what, name, why: error instanceof Error ? error.message : String(error) })
  }
}
