import { randomUUID } from 'node:crypto'
import { DatabaseUnavailable, UploadNotReceiving } from '@airlock/database'
import { JobQueue } from '@airlock/queue'
import { openAt } from '@airlock/testkit/airlock'
import { dot, samples } from '@airlock/testkit/samples'
import { expect } from 'vitest'
import { accept, discard } from '../../src/index.ts'
import { type Airlock, formOf, test } from '../airlock.ts'

const depsOf = (airlock: Airlock) => ({ uploads: airlock.uploads, jobQueue: airlock.world.jobQueue, log: airlock.log })
const discardDepsOf = (airlock: Airlock) => ({ uploads: airlock.uploads, store: airlock.store, counter: airlock.counter, log: airlock.log })
const cancelled = { code: 'cancelled', error: 'Cancelled', detail: 'The form was unsound.' } as const

test('all good files of a request are accepted together, each with its final key, and enqueued', async ({ airlock }) => {
  const files = [await airlock.receives(samples.photo), await airlock.receives(samples.logo), await airlock.receives(dot)]

  const accepted = await accept(files, formOf(dot), depsOf(airlock))

  expect(accepted).toMatchObject(
    files.map(({ uploadId, sizeBytes, contentHash, etag, mediaType }) => ({
      id: uploadId,
      state: 'received',
      assetType: 'brand_image',
      sizeBytes,
      contentHash,
      etag,
      detectedType: mediaType,
      finalKey: expect.stringMatching(new RegExp(`^brand-images/${airlock.userId}/\\d+_${uploadId.slice(-8)}_`)),
    })),
  )
  expect((await airlock.enqueuedIds('images')).sort()).toEqual(files.map(({ uploadId }) => uploadId).sort())
  expect(airlock.log.withMessage('upload accepted')).toHaveLength(3)
})

test('a video is enqueued on its own lane, and its key is in its project', async ({ airlock }) => {
  const form = formOf(samples.scene)
  const file = await airlock.receives(samples.scene)
  const [video] = await accept([file], form, depsOf(airlock))
  expect(video?.finalKey).toContain(`generated-videos/${form.projectId}/`)
  expect(await airlock.enqueuedIds('videos')).toEqual([file.uploadId])
  expect(await airlock.enqueuedIds('images')).toEqual([])
})

test('the metadata of files and the acting service are stored', async ({ airlock }) => {
  const clientMetadata = { scene: 3, draft: true, note: 'Grüße' }
  const actedBy = randomUUID()
  const file = await airlock.receives(dot)
  await accept([file], { ...formOf(dot), clientMetadata, actedBy }, depsOf(airlock))
  expect(await airlock.of({ id: file.uploadId })).toMatchObject({ clientMetadata, actedBy })
})

test('a request with an abandoned file is not accepted at all, and nothing is enqueued', async ({ airlock }) => {
  const files = [await airlock.receives(samples.photo), await airlock.receives(samples.logo)]
  await discard(files[1] as (typeof files)[number], cancelled, { giveBack: false }, discardDepsOf(airlock))

  await expect(accept(files, formOf(dot), depsOf(airlock))).rejects.toBeInstanceOf(UploadNotReceiving)

  expect((await airlock.rows()).map(({ state }) => state)).toEqual(['receiving', 'abandoned'])
  expect(await airlock.enqueuedIds('images')).toEqual([])
  await discard(files[0] as (typeof files)[number], cancelled, { giveBack: false }, discardDepsOf(airlock))
})

test('while Redis is unavailable a file is accepted, and the sweeper enqueues it when Redis is back', {
  meta: { id: 'acceptance-redis-unavailable' },
}, async ({ airlock, world }) => {
  const jobQueue = new JobQueue({ redisUrl: 'redis://127.0.0.1:1', prefix: world.queues.prefix, onError: () => {} })
  const file = await airlock.receives(samples.photo)

  const [upload] = await accept([file], formOf(samples.photo), { ...depsOf(airlock), jobQueue })

  expect(upload).toMatchObject({ id: file.uploadId, state: 'received' })
  expect(airlock.log.withMessage('upload not enqueued, the sweeper retries')).toMatchObject([{ uploadId: file.uploadId }])
  await jobQueue.close()

  await airlock.ages({ id: file.uploadId }, 61)
  expect(await airlock.sweeps()).toMatchObject({ waiting: 1 })
  expect(await airlock.enqueuedIds('images')).toEqual([file.uploadId])
})

test('while Postgres is unavailable nothing is accepted or enqueued', async ({ airlock, world }) => {
  const closed = await openAt(world.databaseUrl)
  await closed.close()
  const file = await airlock.receives(samples.photo)
  await expect(accept([file], formOf(dot), { ...depsOf(airlock), uploads: closed.uploads })).rejects.toBeInstanceOf(DatabaseUnavailable)
  expect(await airlock.stateOf({ id: file.uploadId })).toBe('receiving')
  expect(await airlock.enqueuedIds('images')).toEqual([])
  await discard(file, cancelled, { giveBack: true }, discardDepsOf(airlock))
})
