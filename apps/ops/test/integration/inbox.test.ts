import { randomUUID } from 'node:crypto'
import { generatedVideoJob, inboxKey, queueNames, type RefusedProgress } from '@airlock/queue'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { Queue, UnrecoverableError, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { UsageError } from '../../src/command.ts'
import { inboxCommand } from '../../src/commands/inbox.ts'
import { widthOf } from '../../src/table.ts'
import { type OpsServers, openOpsServers } from '../servers.ts'

let servers: OpsServers
let redis: Redis
let s3: S3Client

beforeAll(async () => {
  servers = await openOpsServers()
  redis = new Redis(servers.redisUrl, { maxRetriesPerRequest: null })
  const { endpoint, region, accessKeyId, secretAccessKey } = servers.bucket
  s3 = new S3Client({ endpoint, region, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } })
})
afterAll(async () => {
  s3.destroy()
  redis.disconnect()
  await servers.close()
})
beforeEach(async () => {
  await servers.empty()
  await redis.flushall()
  await servers.sql.query('truncate ops_log')
})

/** Puts a video into the inbox, with these x-amz-meta headers. */
async function puts(metadata: Record<string, string>, uploadId: string = randomUUID()) {
  const projectId = randomUUID()
  const key = inboxKey({ projectId, uploadId })
  await s3.send(new PutObjectCommand({ Bucket: servers.bucket.bucket, Key: key, Body: 'video', Metadata: metadata }))
  return { key, uploadId, projectId }
}

const good = () => ({ 'user-id': randomUUID(), filename: 'cut.mp4' })

/** Fails the job of a video, as a worker does when job and object name different owners. */
async function disputes({ uploadId }: { uploadId: string }): Promise<void> {
  const options = { connection: redis, prefix: '{airlock}' }
  const queue = new Queue(queueNames.videos, options)
  const failed = Promise.withResolvers<void>()
  const worker = new Worker(
    queueNames.videos,
    async (job) => {
      const progress: RefusedProgress = { refused: 'disputed' }
      await job.updateProgress(progress)
      throw new UnrecoverableError('the object names user a, the job user \u001b[2Jb')
    },
    { ...options, connection: redis.duplicate() },
  )
  worker.on('failed', () => failed.resolve())
  await queue.add(generatedVideoJob, {}, { jobId: uploadId })
  await failed.promise
  await worker.close()
  await queue.close()
}

const inbox = (args: string[], options?: Parameters<OpsServers['runs']>[2]) => servers.runs(inboxCommand, args, options)
const keys = () => servers.bucket.keys('pipeline-inbox/')

test('objects that need a decision are listed with the reason, and others are not', async () => {
  await puts(good())
  expect(await inbox(['list'])).toMatchObject({ code: 0, out: 'No object needs a decision.' })
  const [disputed, invalid] = [await puts(good()), await puts({ filename: 'cut.mp4' })]
  await disputes(disputed)

  const { out } = await inbox(['list'])

  expect(out).toMatch(/^disputed +\d+s +0\.0 +the object names user a, the job user \ufffd\[2Jb$/m)
  expect(out).toMatch(/^invalid .*user_id/m)
  expect(out).toContain(`\n  ${disputed.key}\n`)
  expect(out).toContain(`\n  ${invalid.key}\n`)
  expect(out).toMatch(/\n2 objects need a decision$/)
  for (const line of out.split('\n')) expect(widthOf(line)).toBeLessThanOrEqual(100)
  const { objects } = JSON.parse((await inbox(['list', '--kind', 'disputed', '--json'])).out)
  expect(objects).toMatchObject([{ key: disputed.key, kind: 'disputed', size_bytes: 5 }])
})

test('clear removes the selected objects after a confirmation, and logs each one', async () => {
  const [waiting, disputed, invalid] = [await puts(good()), await puts(good()), await puts({})]
  await disputes(disputed)

  expect(await inbox(['clear', '--kind', 'disputed', '--dry-run'])).toMatchObject({ code: 0 })
  await expect(inbox(['clear', '--all'])).rejects.toThrow('Remove 2 objects from the inbox? Without a terminal, --yes is required.')
  expect(await inbox(['clear', '--all'], { answer: 'no' })).toMatchObject({ code: 1, err: 'Nothing was changed.' })
  expect(await keys()).toHaveLength(3)

  expect(await inbox(['clear', '--kind', 'disputed', '--reason', 'wrong owner', '--by', 'ada', '--yes'])).toMatchObject({
    code: 0,
    out: `cleared     ${disputed.key}\n1 of 1 removed`,
  })
  expect(await keys()).toEqual([waiting.key, invalid.key].toSorted())
  expect(await servers.database.opsLog.ofUpload(disputed.uploadId, { limit: 10 })).toMatchObject([
    { action: 'clear', operator: 'ada', reason: 'wrong owner', details: { key: disputed.key, kind: 'disputed', size_bytes: 5 } },
  ])
})

test('clear removes nothing that waits to be enqueued, or that has become an upload', { meta: { id: 'clear-keeps-uploads' } }, async () => {
  const [waiting, registered] = [await puts(good()), await puts({})]
  const { uploadId, projectId, key } = registered
  const object = await servers.store.head(key)
  await servers.database.uploads.registerVideo(
    {
      ...{ id: uploadId, userId: randomUUID(), projectId, filename: 'cut.mp4', quarantineKey: key, source: null },
      ...{ finalKey: `generated-videos/${uploadId}`, sizeBytes: 5, etag: object?.etag ?? '', expectedHash: null, nonce: 'n' },
      ...{ requestId: null, clientMetadata: null, actedBy: null, priority: 'batch', assetType: 'generated_video', mediaType: 'video/mp4' },
    },
    { needsUser: false },
  )
  const gone = inboxKey({ projectId: randomUUID(), uploadId: randomUUID() })

  const { code, out } = await inbox(['clear', waiting.key, key, gone, '--yes'])

  expect(code).toBe(1)
  expect(out).toBe(`no_problem  ${waiting.key}\nno_problem  ${key}\ngone        ${gone}\n0 of 3 removed`)
  expect(await keys()).toHaveLength(2)
  expect((await servers.sql.query('select from ops_log')).rowCount).toBe(0)
})

test('without Redis nothing is listed or removed, because disputed objects cannot be recognised', {
  meta: { id: 'inbox-redis-unavailable' },
}, async () => {
  const { key } = await puts(good())
  const env = { REDIS_URL: 'redis://127.0.0.1:1' }
  await expect(inbox(['list'], { env })).rejects.toThrow(/Redis/)
  await expect(inbox(['clear', key, '--yes'], { env })).rejects.toThrow(/Redis/)
  expect(await keys()).toEqual([key])
})

test.for([
  [[], 'inbox needs list or clear'],
  [['purge'], "inbox 'purge' does not exist: list or clear"],
  [['clear'], 'which objects?'],
  [['clear', 'quarantine/x'], "'quarantine/x' is not a key in the inbox"],
  [['list', '--kind', 'odd'], "--kind is 'odd'"],
] as const)('%j is a usage error', async ([args, says], { expect }) => {
  await expect(inbox([...args])).rejects.toThrow(says)
  await expect(inbox([...args])).rejects.toBeInstanceOf(UsageError)
})
