import { randomUUID } from 'node:crypto'
import { inboxKey as inboxKeyOfDomain } from '@airlock/domain'
import { inboxKey, inboxPrefix, JobQueueUnreachable } from '@airlock/queue'
import { StoreUnavailable } from '@airlock/storage'
import { samples } from '@airlock/testkit/samples'
import { expect } from 'vitest'
import { inboxProblems, type Violation, verify } from '../../src/index.ts'
import { type Airlock, nothingSwept, sweepOptions, test } from '../airlock.ts'
import { delivers, puts, registers } from '../inbox.ts'

/** The job of one video. */
const verified = async (airlock: Airlock, given: Partial<typeof sweepOptions> = {}): Promise<Violation[]> => {
  const options = { ...sweepOptions, receivingForSeconds: -1, encrypted: false, after: null, ...given }
  const violations: Violation[] = []
  const { database, jobQueue } = airlock.world
  const deps = { uploads: airlock.uploads, assets: database.assets, store: airlock.store, jobQueue }
  for await (const page of verify(options, deps)) violations.push(...page.violations)
  return violations.filter(({ key }) => key.startsWith(inboxPrefix))
}

test('the public contract and the domain have the same inbox keys', () => {
  const place = { projectId: randomUUID(), uploadId: randomUUID() }
  expect(inboxKey(place)).toBe(inboxKeyOfDomain(place))
})

test('a video without a job is enqueued with the metadata of its object', async ({ airlock }) => {
  airlock.leavesBehind('no worker takes it')
  const sha256 = 'cd'.repeat(32)
  const filename = 'Szene – 7.mp4'
  const metadata = encodeURIComponent(JSON.stringify({ scene: 7 }))
  const userHeaders = {
    'user-id': airlock.userId.toUpperCase(),
    filename: encodeURIComponent(filename),
    sha256,
    metadata,
    priority: 'interactive',
  }
  const { uploadId, projectId, key } = await puts(airlock, { userHeaders })

  expect(await airlock.sweeps()).toEqual({ ...nothingSwept, inbox: 1 })

  expect(await airlock.jobOf('videos', uploadId)).toMatchObject({
    name: 'generated_video',
    data: {
      version: 1,
      upload_id: uploadId,
      user_id: airlock.userId,
      project_id: projectId,
      key,
      filename,
      sha256,
      metadata: { scene: 7 },
      priority: 'interactive',
    },
  })
  expect(await airlock.sweeps()).toEqual(nothingSwept)
})

test("a new video is left to its producer for a while, whatever the worker's clock", {
  meta: { id: 'inbox-age-by-postgres-clock' },
}, async ({ airlock }) => {
  airlock.leavesBehind('no worker takes it')
  const { uploadId } = await puts(airlock)
  const real = Date.now
  try {
    Date.now = () => real() + 600_000
    expect(await airlock.sweeps({ inboxEnqueueAfterSeconds: 60 })).toEqual(nothingSwept)
    Date.now = () => real() - 600_000
    expect(await airlock.sweeps()).toEqual({ ...nothingSwept, inbox: 1 })
  } finally {
    Date.now = real
  }
  expect(await airlock.enqueuedIds('videos')).toEqual([uploadId])
})

test('with Redis emptied and some rows lost, each video is enqueued once', async ({ airlock }) => {
  const videos = await Promise.all(Array.from({ length: 150 }, () => puts(airlock, { sample: samples.scene })))
  const registered = videos.slice(0, 20)
  for (const video of registered) await registers(airlock, video)
  airlock.leavesBehind('no worker takes them')

  expect(await airlock.sweeps({ enqueueAfterSeconds: -1 })).toEqual({ ...nothingSwept, inbox: 130, waiting: 20 })

  expect((await airlock.enqueuedIds('videos')).toSorted()).toEqual(videos.map(({ uploadId }) => uploadId).toSorted())
})

test('a registered video is enqueued with its original priority', async ({ airlock }) => {
  const batch = await puts(airlock, { priority: 'batch' })
  const interactive = await puts(airlock, { priority: 'interactive' })
  for (const video of [batch, interactive]) await registers(airlock, video)

  await airlock.sweeps({ enqueueAfterSeconds: -1 })

  const priorityOf = async ({ uploadId }: { uploadId: string }) => (await airlock.jobOf('videos', uploadId))?.opts.priority ?? 0
  expect(await priorityOf(interactive)).toBeLessThan(await priorityOf(batch))
})

const unreadable: { what: string; userHeaders: Record<string, string> }[] = [
  { what: 'names no user', userHeaders: { filename: 'scene.mp4' } },
  { what: 'names an invalid user', userHeaders: { 'user-id': 'me', filename: 'scene.mp4' } },
  { what: 'has no name', userHeaders: { 'user-id': randomUUID() } },
  { what: 'has a name with invalid encoding', userHeaders: { 'user-id': randomUUID(), filename: '%zz.mp4' } },
  { what: 'has metadata that is not JSON', userHeaders: { 'user-id': randomUUID(), filename: 'scene.mp4', metadata: 'scene=7' } },
  {
    what: 'has metadata with a NUL',
    userHeaders: { 'user-id': randomUUID(), filename: 'scene.mp4', metadata: '%7B%22a%22%3A%22%5Cu0000%22%7D' },
  },
]

test.for(unreadable)(
  'a video that $what is reported, and never removed',
  { meta: { id: 'bad-inbox-object-reported' } },
  async ({ userHeaders }, { airlock, expect }) => {
    airlock.leavesBehind('an operator must check it')
    const { key } = await puts(airlock, { userHeaders })

    expect(await airlock.sweeps({ maxRemovals: 1000, receivingForSeconds: -1 })).toEqual(nothingSwept)

    expect(airlock.log.withMessage("objects in the inbox can't be enqueued, left unchanged")).toMatchObject([
      { count: 1, objects: [expect.stringContaining(key)] },
    ])
    expect(await airlock.inbox()).toEqual([key])
  },
)

test('an object that no pipeline may write, and one with the id of another upload, are reported and never removed', async ({ airlock }) => {
  airlock.leavesBehind('an operator must check them')
  const upload = await airlock.accepts(samples.scene)
  await airlock.uploads.cancel(upload.id, { code: 'cancelled', error: 'Cancelled', detail: 'Cancelled.' })
  await puts(airlock, { uploadId: upload.id })
  await puts(airlock, { key: `${inboxPrefix}notes.txt` })
  const before = await airlock.inbox()

  await airlock.sweeps({ receivingForSeconds: -1 })

  expect(airlock.log.withMessage("objects in the inbox can't be enqueued, left unchanged")).toMatchObject([{ count: 2 }])
  expect(await airlock.inbox()).toEqual(before)
  expect(await airlock.enqueuedIds('videos')).not.toContain('notes')
  expect(await verified(airlock)).toMatchObject(before.map((key) => ({ what: 'object without a matching row', key })))
})

test('leftover objects of an ended video are removed by a later sweep', { meta: { id: 'ended-video-leftover' } }, async ({ airlock }) => {
  const store = { ...airlock.store, purge: async (key: string) => Promise.reject(new StoreUnavailable('SlowDown (503)', key)) }
  const promoted = await puts(airlock)
  await delivers(airlock, promoted, { store })
  const rejected = await puts(airlock, { sha256: '00'.repeat(32) })
  await delivers(airlock, rejected, { store })
  expect(await airlock.inbox()).toHaveLength(2)
  expect(await verified(airlock)).toHaveLength(2)

  expect(await airlock.sweeps({ callSeconds: 3600 })).toEqual(nothingSwept)
  expect(await airlock.sweeps()).toEqual({ ...nothingSwept, leftovers: 2 })

  expect(await airlock.inbox()).toEqual([])
  expect(await verified(airlock)).toEqual([])
})

test('objects of an active video are never removed, and are no violation', async ({ airlock }) => {
  const received = await puts(airlock)
  await registers(airlock, received)
  const parked = await puts(airlock)
  await delivers(airlock, parked, { inspect: async () => Promise.reject(new Error('broken')), maxAttempts: 1 })
  const before = await airlock.inbox()

  expect(await airlock.sweeps({ receivingForSeconds: -1 })).toEqual(nothingSwept)

  expect(await airlock.inbox()).toEqual(before)
  expect(await verified(airlock)).toEqual([])
})

test('a video without a job is a violation when the sweeper should have enqueued it long ago', async ({ airlock }) => {
  airlock.leavesBehind('no sweeper runs')
  const { key } = await puts(airlock)
  expect(await verified(airlock, { inboxEnqueueAfterSeconds: 60 })).toEqual([])
  expect(await verified(airlock, { inboxEnqueueAfterSeconds: -10 })).toMatchObject([{ what: 'object without a matching row', key }])
})

test('while Redis is unavailable, the sweeper continues with its other rules, and enqueues in a later sweep', {
  meta: { id: 'inbox-sweep-redis-unavailable' },
}, async ({ airlock }) => {
  airlock.leavesBehind('no worker takes it')
  await puts(airlock)
  const failureOf = async () => Promise.reject(new JobQueueUnreachable("can't look: Redis is reconnecting"))
  expect(await airlock.sweeps({}, { jobQueue: { failureOf } })).toEqual(nothingSwept)
  expect(await airlock.sweeps()).toEqual({ ...nothingSwept, inbox: 1 })
})

test('operators see the objects that belong to no upload page by page, and verify reports all of them', async ({ airlock }) => {
  const keys = Array.from({ length: 101 }, (_, i) => `${inboxPrefix}foreign-${String(i).padStart(3, '0')}`)
  await Promise.all(keys.map((key) => airlock.world.bucket.put(key, Buffer.from('foreign'))))
  const deps = { uploads: airlock.uploads, store: airlock.store, jobQueue: airlock.world.jobQueue }

  const first = await inboxProblems(null, sweepOptions, deps)
  const second = await inboxProblems(first.next, sweepOptions, deps)

  const shown = [...first.problems, ...second.problems]
  expect(shown.map(({ key }) => key)).toEqual(keys)
  expect(new Set(shown.map(({ kind }) => kind))).toEqual(new Set(['foreign']))
  expect([first.problems.length, first.next, second.next]).toEqual([100, keys[99], null])
  expect((await verified(airlock)).map(({ key }) => key).toSorted()).toEqual(keys)
  await Promise.all(keys.map((key) => airlock.store.purge(key)))
})
