import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import type { AssetRecord, UploadRecord } from '@airlock/database'
import { finalPrefixes, refusal } from '@airlock/domain'
import { dot } from '@airlock/testkit/samples'
import { expect } from 'vitest'
import type { SweepDeps } from '../../src/index.ts'
import { type Airlock, nothingSwept, test } from '../airlock.ts'

/** An upload that became an asset. */
async function promoted(airlock: Airlock): Promise<{ upload: UploadRecord; asset: AssetRecord }> {
  const upload = await airlock.accepts(dot)
  await airlock.worker().process(upload)
  const [asset] = await airlock.assetsOf(upload)
  if (asset === undefined) throw new Error('no asset')
  return { upload, asset }
}

/** Copies an object like a late copy of a paused worker, with the metadata of `uploadId` if given. */
async function lands(airlock: Airlock, key: string, uploadId: string | null): Promise<void> {
  const from = `elsewhere/${randomUUID()}`
  const { etag, sizeBytes } = await airlock.store.receive(from, Readable.from([dot.bytes], { objectMode: false }), { nonce: 'n' })
  const metadata: Record<string, string> = uploadId === null ? {} : { upload_id: uploadId }
  const headers = { contentType: 'image/png', cacheControl: 'private', metadata }
  await airlock.store.copyToFinal(from, key, { ifEtag: etag, sizeBytes, headers })
  await airlock.store.purge(from)
}

const reports = ({ log }: Airlock) => log.withMessage("objects at final keys can't be attributed to an ended upload, left unchanged")

test('a late copy of a cancelled upload or a deleted asset is removed', { meta: { id: 'stray-copy-removed' } }, async ({
  airlock,
  world,
}) => {
  const kept = await promoted(airlock)
  const deleted = await promoted(airlock)
  await world.database.assets.delete(deleted.asset.id, { force: false })
  const cancelled = await airlock.accepts(dot)
  await airlock.claims(cancelled)
  await airlock.uploads.cancel(cancelled.id, refusal('cancelled', dot))
  await airlock.sweeps()
  await world.sql.query('truncate purges')
  await lands(airlock, deleted.asset.s3Key, deleted.upload.id)
  await lands(airlock, cancelled.finalKey ?? '', cancelled.id)

  expect(await airlock.sweeps({ dryRun: true })).toEqual({ ...nothingSwept, strays: 2 })
  expect(await airlock.sweeps({ callSeconds: 60 }), 'a purge may still remove them').toEqual(nothingSwept)
  expect(await airlock.sweeps()).toEqual({ ...nothingSwept, strays: 2 })

  expect(await airlock.finalObjects()).toEqual([kept.asset.s3Key])
  expect(reports(airlock)).toEqual([])
})

test('objects without proof that they are finished are reported and never removed', { meta: { id: 'unproven-object-kept' } }, async ({
  airlock,
  world,
}) => {
  const cancelled = await airlock.accepts(dot)
  await airlock.claims(cancelled)
  await airlock.uploads.cancel(cancelled.id, refusal('cancelled', dot))
  const forgotten = await promoted(airlock)
  await world.sql.query('delete from assets where id = $1', [forgotten.asset.id])
  await world.sql.query('delete from uploads where id = $1', [forgotten.upload.id])
  await world.sql.query('truncate purges')
  const files = [
    ['brand-images/2019/logo.png', null],
    ['brand-images/copied-by-a-person.png', cancelled.id],
    [`brand-images/${randomUUID()}/x.png`, randomUUID()],
    ['generated-videos/mine.mp4', 'not-a-uuid'],
  ] as const
  for (const [key, uploadId] of files) await lands(airlock, key, uploadId)
  await lands(airlock, cancelled.finalKey ?? '', null)
  const before = await airlock.finalObjects()

  expect(await airlock.sweeps()).toMatchObject({ strays: 0 })

  expect(await airlock.finalObjects()).toEqual(before)
  expect(reports(airlock).reduce((sum, { count }) => sum + Number(count), 0)).toBe(6)
  expect(reports(airlock).flatMap(({ keys }) => keys)).toContain('generated-videos/mine.mp4')
})

test('nothing is lost after a restore of an older database', { meta: { id: 'restored-database-loses-nothing' } }, async ({
  airlock,
  world,
}) => {
  const before = await airlock.accepts(dot)
  await world.sql.query('create table backup as select * from uploads')
  await airlock.worker().process(before)
  const after = await promoted(airlock)
  const objects = await airlock.finalObjects()
  expect(objects).toHaveLength(2)
  await world.sql.query('truncate uploads, assets cascade')
  await world.sql.query(
    `alter table uploads disable trigger all; insert into uploads select * from backup; alter table uploads enable trigger all`,
  )
  await world.sql.query('drop table backup')

  expect(await airlock.sweeps()).toMatchObject({ strays: 0 })

  expect(await airlock.finalObjects()).toEqual(objects)
  expect(reports(airlock)).toMatchObject([{ count: 1, keys: [after.asset.s3Key] }])
  airlock.leavesBehind('an upload whose bytes the restored database still needs')
})

test('copies of active uploads, and objects outside the prefixes of assets, are not removed', async ({ airlock }) => {
  const upload = await airlock.accepts(dot)
  await airlock.worker({ diesAfter: 'copyToFinal' }).process(upload)
  await lands(airlock, `elsewhere/${randomUUID()}.png`, upload.id)
  await lands(airlock, `brand-images-old/${randomUUID()}.png`, upload.id)
  expect(await airlock.sweeps()).toEqual(nothingSwept)
  expect(await airlock.finalObjects()).toHaveLength(3)
  expect(reports(airlock)).toEqual([])
  await airlock.leaseExpires(upload)
  expect(await airlock.worker().process(upload)).toMatchObject({ ended: 'completed' })
})

test('an upload that becomes an asset during the check keeps its object', { meta: { id: 'completion-meets-stray-sweep' } }, async ({
  airlock,
  world,
}) => {
  const upload = await airlock.accepts(dot)
  await airlock.worker({ diesAfter: 'copyToFinal' }).process(upload)
  await airlock.leaseExpires(upload)
  const assets = {
    ...world.database.assets,
    below: async (...args: Parameters<typeof world.database.assets.below>) => {
      const seen = await world.database.assets.below(...args)
      if ((await airlock.stateOf(upload)) !== 'completed') await airlock.worker().process(upload)
      return seen
    },
  }
  expect(await airlock.sweeps({}, { assets })).toMatchObject({ strays: 0 })
  expect(await airlock.stateOf(upload)).toBe('completed')
  expect(await airlock.finalObjects()).toEqual([upload.finalKey])
})

test('an asset whose object is missing is reported, and its row is kept', { meta: { id: 'vanished-object-reported' } }, async ({
  airlock,
  world,
}) => {
  const lost = await promoted(airlock)
  const kept = await promoted(airlock)
  await airlock.store.purge(lost.asset.s3Key)
  const found: Record<string, number> = {}
  const onFound: SweepDeps['onFound'] = (what, count) => {
    found[what] = (found[what] ?? 0) + count
  }
  expect(await airlock.sweeps({}, { onFound })).toEqual(nothingSwept)
  expect(found).toMatchObject({ unproven_object: 0, vanished_object: 1 })
  expect(airlock.log.withMessage('asset has no object')).toMatchObject([{ assetId: lost.asset.id, key: lost.asset.s3Key }])
  expect(await world.database.assets.byId(lost.asset.id)).not.toBeNull()
  expect(await airlock.finalObjects()).toEqual([kept.asset.s3Key])
})

test('all objects of several pages and sweeps are checked, from the cursor of the previous sweep', {
  timeout: 60_000,
}, async ({ airlock }) => {
  const cancelled = await airlock.accepts(dot)
  await airlock.claims(cancelled)
  await airlock.uploads.cancel(cancelled.id, refusal('cancelled', dot))
  const keys = Array.from({ length: 230 }, (_, i) => `brand-images/${String(i).padStart(4, '0')}`)
  for (let i = 0; i < keys.length; i += 10) await Promise.all(keys.slice(i, i + 10).map((key) => lands(airlock, key, null)))
  let looks = 0
  const list: Airlock['store']['list'] = async (prefix, options) => {
    if (finalPrefixes.includes(prefix)) looks += 1
    return airlock.store.list(prefix, options)
  }
  await airlock.sweeps({}, { store: { ...airlock.store, list } })
  await airlock.sweeps({}, { store: { ...airlock.store, list } })
  expect(reports(airlock).map(({ count }) => count)).toEqual([100, 100, 30, 100, 100, 30])
  expect(looks).toBe(10)
})
