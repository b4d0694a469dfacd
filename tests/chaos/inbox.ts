import { randomUUID } from 'node:crypto'
import type { Stack } from '@airlock/dev-servers'
import { s3Client, within } from '@airlock/dev-servers'
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { type JobsOptions, Queue } from 'bullmq'
import { Redis } from 'ioredis'

/** Timeout of adding a job, in ms. */
const ringMs = 2000

/** A video of a pipeline. */
export interface Video {
  readonly uploadId: string
  readonly userId: string
  readonly projectId: string
  readonly filename: string
  readonly bytes: Uint8Array
  /** The job's payload; null: without a job. */
  readonly sha256: string | null
}

/** Options of a batch video's job (docs/pipeline.md). */
export const batchJob: JobsOptions = {
  priority: 20,
  attempts: 100,
  backoff: { type: 'custom' },
  removeOnComplete: { age: 86_400, count: 10_000 },
}

export const newVideo = (given: Pick<Video, 'userId' | 'filename' | 'bytes'> & Partial<Video>): Video => ({
  uploadId: randomUUID(),
  projectId: randomUUID(),
  sha256: null,
  ...given,
})

/** Airlock's inbox and queue by S3 and BullMQ only, as for a pipeline in any language. */
export class Inbox {
  readonly #bucket: string
  readonly #s3: S3Client
  readonly #redis: Redis
  readonly #queue: Queue

  constructor({ s3, redis }: Pick<Stack, 's3' | 'redis'>, bucket: string) {
    this.#bucket = bucket
    this.#s3 = s3Client(s3)
    this.#redis = new Redis(redis.url, { maxRetriesPerRequest: 1, enableOfflineQueue: false, commandTimeout: ringMs })
    this.#redis.on('error', () => {}) // the call itself reports the failure
    this.#queue = new Queue('airlock-videos', { connection: this.#redis, prefix: '{airlock}' })
    this.#queue.on('error', () => {})
  }

  /** Stores a video in the inbox. */
  async put({ uploadId, userId, projectId, filename, bytes, sha256 }: Video): Promise<void> {
    const Metadata = { 'user-id': userId, filename: encodeURIComponent(filename), ...(sha256 !== null && { sha256 }) }
    await this.#s3.send(new PutObjectCommand({ Bucket: this.#bucket, Key: keyOf({ uploadId, projectId }), Body: bytes, Metadata }))
  }

  /** Stores a video in the pipeline's own bucket. */
  async putElsewhere(place: { bucket: string; key: string }, { bytes }: Video): Promise<void> {
    await this.#s3.send(new PutObjectCommand({ Bucket: place.bucket, Key: place.key, Body: bytes }))
  }

  /** @throws Error if Redis does not confirm the job in 2 s; it may have it anyway */
  async enqueue({ uploadId, userId, projectId, filename, sha256 }: Video, options: JobsOptions = batchJob): Promise<void> {
    const ids = { version: 1, upload_id: uploadId, user_id: userId, project_id: projectId }
    const payload = { ...ids, key: keyOf({ uploadId, projectId }), filename, ...(sha256 !== null && { sha256 }) }
    await within(ringMs, this.#queue.add('generated_video', payload, { jobId: uploadId, ...options }), 'the job to be added')
  }

  close(): void {
    this.#s3.destroy()
    this.#redis.disconnect()
  }
}

const keyOf = ({ uploadId, projectId }: Pick<Video, 'uploadId' | 'projectId'>) => `pipeline-inbox/${projectId}/${uploadId}.mp4`
