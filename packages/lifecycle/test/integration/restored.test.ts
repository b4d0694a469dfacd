import type { AssetRecord, UploadRecord } from '@airlock/database'
import { refusal } from '@airlock/domain'
import { StoreUnavailable } from '@airlock/storage'
import { dot, samples } from '@airlock/testkit/samples'
import { expect } from 'vitest'
import { cancel, type Inspect, purge, release, type SweepDeps, verify } from '../../src/index.ts'
import { type Airlock, nothingSwept, sweepOptions, test } from '../airlock.ts'
import { delivers, puts, registers } from '../inbox.ts'

/** An older database under a newer bucket, and an older bucket under a newer database. */

const backUp = ({ world }: Airlock) => world.sql.query('create table backup as select * from uploads')

/** Restores the rows of the backup. */
async function restores({ world: { sql } }: Airlock): Promise<void> {
  await sql.query('truncate uploads, assets, events, event_sequences cascade')
  await sql.query(
    'alter table uploads disable trigger all; insert into uploads select * from backup; alter table uploads enable trigger all',
  )
  await sql.query('drop table backup')
}

const movesOf = ({ uploads, store, world: { jobQueue }, log }: Airlock) => ({ uploads, store, jobQueue, log })

const cancels = async (airlock: Airlock, upload: { id: string }) => cancel(await airlock.of(upload), null, movesOf(airlock))

/** Runs everything that removes objects until nothing is left to do. */
async function cleansUp(airlock: Airlock): Promise<void> {
  const deps = { purges: airlock.world.database.purges, uploads: airlock.uploads, store: airlock.store, log: airlock.log }
  for (let time = 0; time < 3; time += 1) {
    await airlock.world.sql.query(`update purges set due_at = now() - interval '1 ms'`)
    await purge({ againInSeconds: 30, leaseSeconds: 60 }, deps)
    await airlock.sweeps({ receivingForSeconds: -1 })
  }
}

const failing = { inspect: async () => Promise.reject(new Error('broken')), maxAttempts: 1 }

/** States of an upload at the backup. */
interface Moment {
  readonly how: string
  reaches(airlock: Airlock, upload: UploadRecord): Promise<unknown>
}

const whileParked: Moment = { how: 'was parked', reaches: (airlock, upload) => airlock.worker(failing).process(upload) }
const moments: readonly Moment[] = [
  { how: 'waited', reaches: async () => {} },
  { how: 'was claimed by a worker', reaches: (airlock, upload) => airlock.claims(upload) },
  whileParked,
]

/** The upload became an asset after the backup, which was then restored. */
async function forgotten(airlock: Airlock, { reaches }: Moment): Promise<{ upload: UploadRecord; asset: AssetRecord }> {
  const upload = await airlock.accepts(dot)
  await reaches(airlock, upload)
  await backUp(airlock)
  await airlock.uploads.retryParked(upload.id)
  if ((await airlock.stateOf(upload)) === 'processing') await airlock.leaseExpires(upload)
  expect(await airlock.worker().process(upload)).toMatchObject({ ended: 'completed' })
  const [asset] = await airlock.assetsOf(upload)
  if (asset === undefined) throw new Error('no asset')
  await restores(airlock)
  return { upload, asset }
}

test.beforeEach(async ({ world }) => {
  await world.sql.query('truncate purges; drop table if exists backup')
})

test.for(moments)(
  'an upload that $how at the backup, and became an asset later, becomes it again',
  { meta: { id: 'restored-upload-completes' } },
  async (moment, { airlock, expect }) => {
    const { upload, asset } = await forgotten(airlock, moment)
    const object = await airlock.store.head(asset.s3Key)
    await airlock.uploads.retryParked(upload.id)
    if ((await airlock.stateOf(upload)) === 'processing') await airlock.leaseExpires(upload)

    expect(await airlock.worker().process(upload)).toMatchObject({ ended: 'completed' })

    const { id: _, createdAt: __, updatedAt: ___, ...same } = asset
    expect(await airlock.assetsOf(upload)).toMatchObject([same])
    expect(await airlock.store.head(asset.s3Key)).toEqual(object)
    await cleansUp(airlock)
    expect(await airlock.finalObjects()).toEqual([asset.s3Key])
  },
)

test.for(moments)(
  "an upload that $how at the backup, and became an asset later, can't be cancelled: its bytes stay",
  { meta: { id: 'restored-asset-not-cancelled' } },
  async (moment, { airlock, expect }) => {
    const { upload, asset } = await forgotten(airlock, moment)
    if ((await airlock.stateOf(upload)) === 'processing') await airlock.leaseExpires(upload)

    expect(await cancels(airlock, upload)).toEqual({ cancelled: false, reason: 'completed', state: 'completed' })

    await cleansUp(airlock)
    expect(await airlock.finalObjects()).toEqual([asset.s3Key])
    expect(await airlock.enqueuedIds('images')).toContain(upload.id)
    expect(await airlock.worker().process(upload)).toMatchObject({ ended: 'completed' })
    expect(await cancels(airlock, upload)).toMatchObject({ cancelled: false, reason: 'completed' })
  },
)

test('an upload with a copy, and with bytes in quarantine, can be cancelled, and leaves no bytes', async ({ airlock, world }) => {
  const upload = await airlock.accepts(dot)
  await airlock.worker({ diesAfter: 'copyToFinal' }).process(upload)
  expect(await airlock.finalObjects()).toHaveLength(1)

  expect(await cancels(airlock, upload)).toMatchObject({ cancelled: true })

  await cleansUp(airlock)
  expect(await world.bucket.keys()).toEqual([])
})

test('while the store is unavailable nothing is cancelled, because it is unknown whether the bytes exist', {
  meta: { id: 'cancel-store-unavailable' },
}, async ({ airlock }) => {
  const upload = await airlock.accepts(dot)
  const store = { head: async (): Promise<never> => Promise.reject(new StoreUnavailable('SlowDown', null)) }
  const deps = { uploads: airlock.uploads, store, jobQueue: airlock.world.jobQueue, log: airlock.log }
  await expect(cancel(await airlock.of(upload), null, deps)).rejects.toBeInstanceOf(StoreUnavailable)
  expect(await airlock.stateOf(upload)).toBe('received')
})

test("an object at the final key that is not this upload's copy does not complete it", async ({ airlock }) => {
  const upload = await airlock.accepts(dot)
  const other = await airlock.accepts(samples.logo)
  await airlock.worker({ diesAfter: 'copyToFinal' }).process(other)
  const { etag, sizeBytes, metadata } = (await airlock.store.head(other.finalKey ?? '')) ?? { etag: '', sizeBytes: 0, metadata: {} }
  const headers = { contentType: 'image/png', cacheControl: 'private', metadata: { ...metadata, upload_id: upload.id } }
  await airlock.store.copyToFinal(other.finalKey ?? '', upload.finalKey ?? '', { ifEtag: etag, sizeBytes, headers })
  await airlock.store.purge(upload.quarantineKey)

  expect(await airlock.worker().process(upload)).toMatchObject({ ended: 'parked' })
  expect(await airlock.of(upload)).toMatchObject({ refusal: { code: 'upload_vanished' } })
  expect(await cancels(airlock, upload)).toMatchObject({ cancelled: true })
})

test('a copy that fails inspection does not become an asset, and is kept for an operator', async ({ airlock }) => {
  const { upload, asset } = await forgotten(airlock, { how: '', reaches: async () => {} })
  const inspect: Inspect = async (source) => {
    await source.read(0, 1) // reads like every inspector, so that missing bytes are detected
    return { ok: false, refusal: refusal('empty_file', dot) }
  }

  expect(await airlock.worker({ inspect }).process(upload)).toMatchObject({ ended: 'parked' })

  await cleansUp(airlock)
  expect(await airlock.finalObjects()).toEqual([asset.s3Key])
})

/** An asset with quarantined bytes whose object is missing in an older bucket. */
async function inOlderBucket(airlock: Airlock): Promise<{ upload: UploadRecord; asset: AssetRecord }> {
  const upload = await airlock.accepts(dot)
  const store = { ...airlock.store, purge: async (key: string) => Promise.reject(new StoreUnavailable('SlowDown (503)', key)) }
  await airlock.worker({ store }).process(upload)
  const [asset] = await airlock.assetsOf(upload)
  if (asset === undefined) throw new Error('no asset')
  await airlock.store.purge(asset.s3Key)
  return { upload, asset }
}

test('with an older bucket, the last copy of an asset is never removed from quarantine, and is reported', {
  meta: { id: 'restored-bucket-keeps-last-copy' },
}, async ({ airlock, world }) => {
  airlock.leavesBehind('the last copy of an asset')
  const { upload, asset } = await inOlderBucket(airlock)
  const found: Record<string, number> = {}
  const onFound: SweepDeps['onFound'] = (what, count) => {
    found[what] = (found[what] ?? 0) + count
  }

  expect(await airlock.sweeps({}, { onFound })).toEqual(nothingSwept)
  expect(await airlock.worker().process(upload), 'delivered again').toMatchObject({ ended: 'nothing' })
  await cleansUp(airlock)

  expect(await airlock.quarantine()).toEqual([upload.quarantineKey])
  expect(found).toEqual({ unproven_object: 0, vanished_object: 1, last_copy: 1 })
  const reported = airlock.log.lines.filter(({ level, message }) => level === 'error' && message.startsWith('assets have no object'))
  expect(reported[0]?.fields).toMatchObject({ count: 1, keys: [upload.quarantineKey] })
  const whats: string[] = []
  const deps = { uploads: airlock.uploads, assets: world.database.assets, store: airlock.store, jobQueue: world.jobQueue }
  for await (const { violations } of verify({ ...sweepOptions, encrypted: false, after: null }, deps)) {
    whats.push(...violations.map(({ what }) => what))
    for (const { repair } of violations) await repair?.()
  }
  expect(whats.toSorted()).toEqual(['asset without object', 'last copy of an asset'])
  expect(await airlock.quarantine()).toEqual([upload.quarantineKey])

  await world.database.assets.delete(asset.id, { force: false })
  expect(await airlock.sweeps(), 'no longer needed after the asset was deleted').toMatchObject({ leftovers: 1 })
})

test('with an older bucket, a video that is enqueued again keeps the last copy in the inbox', async ({ airlock, world }) => {
  airlock.leavesBehind('the last copy of an asset')
  const video = await puts(airlock)
  await delivers(airlock, video)
  await world.sql.query('delete from uploads where id = $1', [video.uploadId])
  const [key] = await airlock.finalObjects()
  await airlock.store.purge(key ?? '')
  await puts(airlock, { uploadId: video.uploadId, projectId: video.projectId })

  expect(await registers(airlock, video)).toMatchObject({ asset: { s3Key: key } })

  expect(await airlock.inbox()).toEqual([video.key])
})

test('an upload that was accepted after the backup has no row, and its bytes stay in quarantine', {
  meta: { id: 'restored-upload-without-row' },
}, async ({ airlock }) => {
  airlock.leavesBehind('a file whose owner only an operator can determine')
  await backUp(airlock)
  const upload = await airlock.accepts(dot)
  await restores(airlock)

  await cleansUp(airlock)

  expect(await airlock.quarantine()).toEqual([upload.quarantineKey])
})

test('a parked upload whose last copy is at its final key is not released, but completed', {
  meta: { id: 'restored-asset-not-released' },
}, async ({ airlock }) => {
  const { upload, asset } = await forgotten(airlock, whileParked)

  expect(await release(await airlock.of(upload), { operator: 'ada', reason: null, requestId: null }, movesOf(airlock))).toBe('completed')

  await cleansUp(airlock)
  expect(await airlock.finalObjects()).toEqual([asset.s3Key])
  expect(await airlock.enqueuedIds('images')).toContain(upload.id)
  expect(await airlock.worker().process(upload)).toMatchObject({ ended: 'completed' })
})
