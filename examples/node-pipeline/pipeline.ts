// Submits one video to Airlock and downloads its asset: node pipeline.ts [video.mp4]
// The settings come from the environment, or from a running `npm start`; TOKEN needs the scope `service`.
import { createHash, randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { AirlockProducer, inboxKey, JobGone, type JobResult, type VideoToHandOver } from '@airlock/queue'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { readSettings, type Settings } from './settings.ts'

/** Owner and project of the videos. */
const userId = '0198c0de-0000-7000-8000-000000000001'
const projectId = '0198c0de-0000-7000-8000-000000000007'

const settings = readSettings()
const path = process.argv[2] ?? 'examples/samples/good/scene-01.mp4'
const bytes = await readFile(path)
const video = await upload(path, bytes, settings)
const result = await submit(video, settings)

if (result.status === 'completed') {
  const asset = await download(result, settings)
  console.log(`downloaded ${asset.length} bytes, ${asset.equals(bytes) ? 'the same' : 'different'}`)
} else {
  console.log(`${result.status} ${result.error?.code}: ${result.error?.detail}`)
  process.exitCode = 1
}

/** Uploads the video to the inbox. From then on it is safe: Airlock finds it even if no job is enqueued. */
async function upload(path: string, bytes: Buffer, { s3, bucket }: Settings): Promise<VideoToHandOver> {
  const uploadId = randomUUID()
  const key = inboxKey({ projectId, uploadId })
  const filename = basename(path)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  await s3.send(
    new PutObjectCommand({
      Bucket: bucket,
      Key: key,
      Body: bytes,
      ContentType: 'video/mp4',
      Metadata: { 'user-id': userId, filename: encodeURIComponent(filename), sha256 },
    }),
  )
  console.log(`uploaded s3://${bucket}/${key}`)
  return { uploadId, userId, projectId, key, filename, sha256, metadata: { scene: 1 }, priority: 'interactive' }
}

/** Enqueues a job, and waits for its result. */
async function submit(video: VideoToHandOver, { redisUrl }: Settings): Promise<JobResult> {
  const producer = new AirlockProducer({ redisUrl, onError: ({ message }) => console.error(`redis: ${message}`) })
  try {
    const { state } = await producer.enqueueGeneratedVideo(video)
    console.log(`enqueued ${video.uploadId}, ${state}`)
    return await producer.waitFor(video.uploadId, { timeoutMs: 120_000 }).catch(async (error) => {
      if (!(error instanceof JobGone)) throw error
      await producer.enqueueGeneratedVideo(video) // Redis lost its data; enqueueing is idempotent
      return producer.waitFor(video.uploadId, { timeoutMs: 120_000 })
    })
  } finally {
    await producer.close()
  }
}

/** Requests a presigned URL on behalf of the user, and downloads the file. */
async function download({ asset_id: assetId }: JobResult, { airlock, token }: Settings): Promise<Buffer> {
  const headers = { authorization: `Bearer ${token}`, 'airlock-on-behalf-of': userId }
  const response = await fetch(`${airlock}/api/assets/${assetId}/presigned`, { headers, signal: AbortSignal.timeout(10_000) })
  if (!response.ok) throw new Error(`the gateway responded ${response.status}: ${await response.text()}`)
  const { s3_url, presigned_url } = (await response.json()) as { s3_url: string; presigned_url: string }
  console.log(`completed ${s3_url}`)
  const file = await fetch(presigned_url, { signal: AbortSignal.timeout(60_000) })
  if (!file.ok) throw new Error(`the store responded ${file.status}`)
  return Buffer.from(await file.arrayBuffer())
}
