import { randomUUID } from 'node:crypto'
import { AirlockProducer, type AirlockProducerOptions, inboxKey, type JobResult, jobResult, type VideoToHandOver } from '../src/index.ts'
import { test as base } from './job-queue-test.ts'

/** A video as a pipeline enqueues it. */
export function videoToHandOver(fields: Partial<VideoToHandOver> = {}): VideoToHandOver {
  const uploadId = fields.uploadId ?? randomUUID()
  const projectId = fields.projectId ?? randomUUID()
  return { uploadId, userId: randomUUID(), projectId, key: inboxKey({ projectId, uploadId }), filename: 'scene-01.mp4', ...fields }
}

export const completed = (uploadId: string): JobResult =>
  jobResult({ status: 'completed', uploadId, assetId: randomUUID(), s3Url: 's3://bucket/generated-videos/scene-01.mp4' })

/** Gives each test a producer for its own queues. */
export const test = base
  .extend('open', async ({ queues }, { onCleanup }) => {
    const opened: AirlockProducer[] = []
    onCleanup(async () => void (await Promise.all(opened.map((producer) => producer.close()))))
    return (options: Partial<AirlockProducerOptions> = {}): AirlockProducer => {
      const producer = new AirlockProducer({ redisUrl: queues.redisUrl, prefix: queues.prefix, ...options })
      opened.push(producer)
      return producer
    }
  })
  .extend('producer', async ({ open }) => open())
