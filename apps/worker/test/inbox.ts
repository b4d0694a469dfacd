import { randomUUID } from 'node:crypto'
import { AirlockProducer, inboxKey, type VideoToHandOver } from '@airlock/queue'
import type { Queues } from '@airlock/testkit/airlock'
import { type Sample, samples } from '@airlock/testkit/samples'
import { onTestFinished } from 'vitest'
import type { Airlock } from './airlock.ts'

export interface Put extends Partial<VideoToHandOver> {
  sample?: Sample
}

/** Stores a video in the inbox. @returns the payload of its job */
export async function puts({ servers, userId }: Airlock, { sample = samples.scene, ...given }: Put = {}): Promise<VideoToHandOver> {
  const uploadId = given.uploadId ?? randomUUID()
  const projectId = given.projectId ?? randomUUID()
  const video = { uploadId, userId, projectId, key: inboxKey({ projectId, uploadId }), filename: sample.filename, ...given }
  await servers.bucket.put(video.key, sample.bytes, { 'user-id': userId, filename: encodeURIComponent(video.filename) })
  return video
}

/** Stores many videos, several concurrently. */
export async function putsMany(airlock: Airlock, count: number, given: Put = {}): Promise<VideoToHandOver[]> {
  const videos: VideoToHandOver[] = []
  while (videos.length < count) {
    const piece = Math.min(25, count - videos.length)
    videos.push(...(await Promise.all(Array.from({ length: piece }, () => puts(airlock, given)))))
  }
  return videos
}

/** A pipeline that only enqueues. It is closed at the end of the test. */
export function pipeline({ redisUrl, prefix }: Queues): AirlockProducer {
  const producer = new AirlockProducer({ redisUrl, prefix })
  onTestFinished(() => producer.close())
  return producer
}

/** The contents of the inbox. */
export const inboxOf = ({ servers }: Airlock): Promise<string[]> => servers.bucket.keys('pipeline-inbox/')

/** Counts the uploads of the test's user by final state, their assets, and the uploads that have an asset. */
export async function endsOf({
  servers,
  userId,
}: Airlock): Promise<{ state: string; uploads: number; assets: number; distinct: number }[]> {
  const { rows } = await servers.sql.query(
    `select state, count(distinct upload.id)::integer as uploads, count(asset.id)::integer as assets,
            count(distinct asset.upload_id)::integer as distinct
      from uploads upload left join assets asset on asset.upload_id = upload.id where upload.user_id = $1 group by state`,
    [userId],
  )
  return rows
}
