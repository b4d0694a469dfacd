// node enqueue-and-wait.ts <user id> <project id> <upload id> <filename>
import { AirlockProducer, inboxKey, JobGone } from '@airlock/queue'

const [userId = '', projectId = '', uploadId = '', filename = ''] = process.argv.slice(2)
const redisUrl = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379'

const airlock = new AirlockProducer({ redisUrl, onError: (error) => console.error(`redis: ${error.message}`) })
const video = { uploadId, userId, projectId, key: inboxKey({ projectId, uploadId }), filename }
try {
  await airlock.enqueueGeneratedVideo(video)
  const result = await airlock.waitFor(uploadId, { timeoutMs: 10 * 60_000 }).catch(async (error) => {
    if (!(error instanceof JobGone)) throw error
    await airlock.enqueueGeneratedVideo(video) // Redis lost its data; enqueueing is idempotent
    return airlock.waitFor(uploadId)
  })
  console.log(result.status === 'completed' ? `asset ${result.asset_id}` : `${result.status}: ${result.error?.detail}`)
} finally {
  await airlock.close()
}
