import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { quarantineKey, refusal, storeCheckKey } from '@airlock/domain'
import { StoreFailure, StoreUnavailable } from '@airlock/storage'
import { dot, samples } from '@airlock/testkit/samples'
import { CreateMultipartUploadCommand, S3Client } from '@aws-sdk/client-s3'
import { expect, vi } from 'vitest'
import type { World } from '../airlock.ts'
import { type Airlock, nothingSwept, test } from '../airlock.ts'

const puts = ({ store }: Airlock, key: string) => store.receive(key, Readable.from([dot.bytes], { objectMode: false }), { nonce: 'n' })

/** Creates leftover objects of ended uploads. @returns their keys */
async function abandoned(airlock: Airlock, count: number): Promise<string[]> {
  const keys: string[] = []
  for (let i = 0; i < count; i += 1) {
    const { uploadId, quarantineKey: key } = await airlock.receives(dot)
    await airlock.uploads.abandon(uploadId, refusal('upload_interrupted', dot), { giveBack: false })
    keys.push(key)
  }
  return keys
}

/** A store that fails deletions. */
const removesNothing = (airlock: Airlock) => ({
  ...airlock.store,
  purge: async (key: string) => Promise.reject(new StoreUnavailable('SlowDown (503)', key)),
})

test('objects that could not be removed while the store was unavailable are removed by a later sweep: promoted, rejected, refused, cancelled', {
  meta: { id: 'leftovers-store-was-unavailable' },
}, async ({ airlock, world }) => {
  const store = removesNothing(airlock)
  const promoted = await airlock.accepts(samples.photo)
  expect(await airlock.worker({ store }).process(promoted)).toMatchObject({ ended: 'completed' })
  const rejected = await airlock.accepts(samples.brokenPhoto)
  expect(await airlock.worker({ store }).process(rejected)).toMatchObject({ ended: 'rejected' })
  const refused = await airlock.receives(dot)
  await airlock.uploads.abandon(refused.uploadId, refusal('upload_interrupted', dot), { giveBack: false })
  const cancelled = await airlock.accepts(dot)
  await airlock.uploads.cancel(cancelled.id, refusal('cancelled', dot))
  await world.sql.query('truncate purges')
  expect(await airlock.quarantine()).toHaveLength(4)
  const assets = await airlock.finalObjects()

  expect(await airlock.sweeps()).toEqual({ ...nothingSwept, leftovers: 4 })

  expect(await airlock.quarantine()).toEqual([])
  expect(await airlock.finalObjects()).toEqual(assets)
  expect(
    airlock.log
      .withMessage('object of an ended upload removed from quarantine')
      .map(({ uploadId }) => uploadId)
      .toSorted(),
  ).toEqual([promoted.id, rejected.id, refused.uploadId, cancelled.id].toSorted())
})

test('the object of a gateway that died while it checked the store is removed, when that gateway must have ended', async ({ airlock }) => {
  await puts(airlock, storeCheckKey(randomUUID()))
  expect(await airlock.sweeps()).toEqual(nothingSwept)
  expect(await airlock.sweeps({ receivingForSeconds: -1 })).toEqual({ ...nothingSwept, leftovers: 1 })
  expect(await airlock.quarantine()).toEqual([])
})

test('objects of active uploads are never removed: receiving, received, processing, parked', {
  meta: { id: 'living-upload-keeps-its-object' },
}, async ({ airlock }) => {
  const received = await airlock.accepts(dot)
  const processing = await airlock.accepts(dot)
  await airlock.claims(processing)
  const parked = await airlock.accepts(dot)
  await airlock.worker({ inspect: async () => Promise.reject(new Error('broken')), maxAttempts: 1 }).process(parked)
  const receiving = await airlock.receives(dot)
  const before = await airlock.quarantine()

  expect(await airlock.sweeps()).toEqual(nothingSwept)

  expect(await airlock.quarantine()).toEqual(before)
  expect(before).toEqual([received, processing, parked, receiving].map(({ quarantineKey: key }) => key).toSorted())
  await airlock.ages({ id: receiving.uploadId }, 3601)
  await airlock.sweeps()
})

test('bytes that are written after their upload was abandoned are removed by the next sweep', {
  meta: { id: 'late-write-after-abandon' },
}, async ({ airlock }) => {
  const file = await airlock.receives(dot)
  await airlock.ages({ id: file.uploadId }, 3601)
  expect(await airlock.sweeps()).toMatchObject({ stale: 1 })
  await puts(airlock, file.quarantineKey)
  expect(await airlock.sweeps()).toMatchObject({ leftovers: 1 })
  expect(await airlock.quarantine()).toEqual([])
})

test('an object without a row is kept, and reported when no request can be writing it; so is a foreign key', async ({ airlock }) => {
  const orphan = quarantineKey(randomUUID())
  const foreign = ['quarantine/readme.txt', `quarantine/${randomUUID()}/part`]
  for (const key of [orphan, ...foreign]) await puts(airlock, key)
  const reported = () => airlock.log.withMessage('objects in quarantine have no row, left unchanged')

  expect(await airlock.sweeps({ receivingForSeconds: 3600 })).toEqual(nothingSwept)
  expect(reported()).toEqual([])
  expect(await airlock.sweeps({ receivingForSeconds: 0 })).toEqual(nothingSwept)

  expect(reported()).toMatchObject([{ count: 1, keys: [orphan] }])
  expect(await airlock.quarantine()).toEqual([orphan, ...foreign].toSorted())
  airlock.leavesBehind("objects of others below Airlock's prefix")
})

test('recently written objects are left to the process that removes them', async ({ airlock }) => {
  const file = await airlock.receives(dot)
  await airlock.uploads.abandon(file.uploadId, refusal('upload_interrupted', dot), { giveBack: false })
  expect(await airlock.sweeps({ callSeconds: 60 })).toEqual(nothingSwept)
  expect(await airlock.sweeps({ callSeconds: -1 })).toMatchObject({ leftovers: 1 })
})

test('all leftovers of several pages are removed, and an object that the store refuses to delete does not delay others', {
  meta: { id: 'more-leftovers-than-one-batch' },
}, async ({ airlock }) => {
  const keys = await abandoned(airlock, 120)
  const held = keys.toSorted()[3] ?? ''
  const purge = async (key: string) => {
    if (key === held) throw new StoreFailure('held', key, { code: 'AccessDenied', status: 403 })
    await airlock.store.purge(key)
  }
  expect(await airlock.sweeps({}, { store: { ...airlock.store, purge } })).toMatchObject({ leftovers: 119 })
  expect(await airlock.quarantine()).toEqual([held])
  expect(airlock.log.withMessage('sweeper failed on an item, left unchanged')).toMatchObject([{ key: held }])
  await airlock.sweeps()
})

test('a sweep logs a few of the objects that the store refuses to delete, and the number of the others', async ({ airlock }) => {
  await abandoned(airlock, 60)
  const purge = async (key: string) => Promise.reject(new StoreFailure('held', key, { code: 'AccessDenied', status: 403 }))

  await airlock.sweeps({}, { store: { ...airlock.store, purge } })

  expect(airlock.log.withMessage('sweeper failed on an item, left unchanged')).toHaveLength(20)
  expect(airlock.log.withMessage('further warnings of this rule in this sweep omitted')).toMatchObject([{ rule: 'leftovers', leftOut: 40 }])
  await airlock.sweeps()
})

/** Leaves an open multipart upload, like a killed process. */
async function begins({ bucket }: World, keys: readonly string[]): Promise<void> {
  const { endpoint, region, accessKeyId, secretAccessKey } = bucket
  const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } })
  for (const key of keys) await client.send(new CreateMultipartUploadCommand({ Bucket: bucket.bucket, Key: key }))
  client.destroy()
}

test('open multipart uploads of ended uploads are aborted, those of active ones and of other programs never', async ({
  airlock,
  world,
}) => {
  const done = await airlock.accepts(samples.photo)
  await airlock.worker().process(done)
  const cancelled = await airlock.accepts(dot)
  await airlock.uploads.cancel(cancelled.id, refusal('cancelled', dot))
  await airlock.sweeps()
  const alive = await airlock.accepts(dot)
  await airlock.claims(alive)
  const orphan = quarantineKey(randomUUID())
  const ours = [done.quarantineKey, done.finalKey ?? '', cancelled.finalKey ?? '', cancelled.finalKey ?? '', orphan]
  const others = [alive.quarantineKey, alive.finalKey ?? '', 'brand-images/of-another-program', 'quarantine/x', 'elsewhere/y']
  await begins(world, [...ours, ...others])

  expect(await airlock.sweeps({ callSeconds: 60 })).toMatchObject({ unfinished: 0 })
  expect(await airlock.sweeps({ receivingForSeconds: 3600 })).toMatchObject({ unfinished: 3 })
  expect((await airlock.openMultipartUploads()).toSorted()).toEqual([orphan, ...others].toSorted())
  expect(await airlock.sweeps({ receivingForSeconds: 0 })).toMatchObject({ unfinished: 1 })

  expect((await airlock.openMultipartUploads()).toSorted()).toEqual(others.toSorted())
  expect(await airlock.finalObjects()).toEqual([done.finalKey])
  for (const key of others) await airlock.store.abandonReceives(key)
})

test('a rule that covers everything pauses after a complete pass', async ({ airlock }) => {
  let looks = 0
  const store = {
    ...airlock.store,
    openReceives: async (prefix: string) => {
      looks += 1
      return airlock.store.openReceives(prefix)
    },
  }
  await airlock.sweeps({ restSeconds: 3600 }, { store })
  const before = looks
  await airlock.sweeps({ restSeconds: 3600 }, { store })
  expect(looks).toBe(before)
  await airlock.sweeps({ restSeconds: -1 }, { store })
  expect(looks).toBeGreaterThan(before)
})

test('the age of objects in quarantine follows the clock of Postgres, not that of the worker', {
  meta: { id: 'quarantine-age-by-postgres-clock' },
}, async ({ airlock }) => {
  const file = await airlock.receives(dot)
  await airlock.ages({ id: file.uploadId }, 3601)
  expect(await airlock.sweeps()).toMatchObject({ stale: 1 })
  await puts(airlock, file.quarantineKey)
  const now = Date.now.bind(Date)
  const clock = vi.spyOn(Date, 'now')
  try {
    clock.mockImplementation(() => now() + 600_000)
    expect(await airlock.sweeps({ callSeconds: 300 })).toEqual(nothingSwept)
    clock.mockImplementation(() => now() - 600_000)
    expect(await airlock.sweeps()).toMatchObject({ leftovers: 1 })
  } finally {
    clock.mockRestore()
  }
})

test("a pass that ended in the future, because a worker's clock was fast, does not block its rule", {
  meta: { id: 'sweep-pass-ended-in-the-future' },
}, async ({ airlock }) => {
  let looks = 0
  const store = {
    ...airlock.store,
    openReceives: async (prefix: string) => {
      looks += 1
      return airlock.store.openReceives(prefix)
    },
  }
  await airlock.sweeps({ restSeconds: 3600 }, { store })
  const before = looks
  const nextYear = new Date(Date.now() + 365 * 24 * 3_600_000).toISOString()
  await airlock.world.sql.query(`update sweeper set places = jsonb_set(places, '{unfinished,endedAt}', to_jsonb($1::text))`, [nextYear])

  await airlock.sweeps({ restSeconds: 3600 }, { store })

  expect(looks).toBeGreaterThan(before)
})
