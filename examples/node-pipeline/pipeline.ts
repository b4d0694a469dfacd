// Hands one video to Airlock and fetches the asset that becomes of it: node pipeline.ts [video.mp4]
// The settings come from the environment, or from a running `npm start`; TOKEN is one of the scope `service`.
import { createHash, randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { AirlockProducer, inboxKey, JobGone, type JobResult, type VideoToHandOver } from '@airlock/queue'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { readSettings, type Settings } from './settings.ts'

/** Whose videos these are, and of which project. */
const userId = '0198c0de-0000-7000-8000-000000000001'
const projectId = '0198c0de-0000-7000-8000-000000000007'

const settings = readSettings()
const path = process.argv[2] ?? 'examples/samples/good/scene-01.mp4'
const bytes = await readFile(path)
const video = await upload(path, bytes, settings)
const result = await handOver(video, settings)

if (result.status === 'completed') {
  const asset = await download(result, settings)
  console.log(`downloaded ${asset.length} bytes, ${asset.equals(bytes) ? 'the same' : 'and others'}`)
} else {
  console.log(`${result.status} ${result.error?.code}: ${result.error?.detail}`)
  process.exitCode = 1
}

/** Puts the video into the inbox. From then on it is safe: Airlock finds it also when nothing below happens any more. */
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

/** Rings, and waits for the end. */
async function handOver(video: VideoToHandOver, { redisUrl }: Settings): Promise<JobResult> {
  const producer = new AirlockProducer({ redisUrl, onError: ({ message }) => console.error(`redis: ${message}`) })
  try {
    const { state } = await producer.enqueueGeneratedVideo(video)
    console.log(`enqueued ${video.uploadId}, ${state}`)
    return await producer.waitFor(video.uploadId, { timeoutMs: 120_000 }).catch(async (error) => {
      if (!(error instanceof JobGone)) throw error
      await producer.enqueueGeneratedVideo(video) // Redis lost its data; enqueued twice it is still one asset
      return producer.waitFor(video.uploadId, { timeoutMs: 120_000 })
    })
  } finally {
    await producer.close()
  }
}

/** Asks for a URL in the name of the user, and reads what is there. */
async function download({ asset_id: assetId }: JobResult, { airlock, token }: Settings): Promise<Buffer> {
  const headers = { authorization: `Bearer ${token}`, 'airlock-on-behalf-of': userId }
  const answer = await fetch(`${airlock}/api/assets/${assetId}/presigned`, { headers, signal: AbortSignal.timeout(10_000) })
  if (!answer.ok) throw new Error(`the gateway answered ${answer.status}: ${await answer.text()}`)
  const { s3_url, presigned_url } = (await answer.json()) as { s3_url: string; presigned_url: string }
  console.log(`completed ${s3_url}`)
  const file = await fetch(presigned_url, { signal: AbortSignal.timeout(60_000) })
  if (!file.ok) throw new Error(`the store answered ${file.status}`)
  return Buffer.from(await file.arrayBuffer())
}
