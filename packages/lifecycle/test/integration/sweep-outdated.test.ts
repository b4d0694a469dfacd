import { randomUUID } from 'node:crypto'
import type { AssetRecord, UploadRecord } from '@airlock/database'
import { dot, samples } from '@airlock/testkit/samples'
import { expect } from 'vitest'
import { purge } from '../../src/index.ts'
import { type Airlock, nothingSwept, test } from '../airlock.ts'

/** An asset with a given age in days. */
async function assetOf(airlock: Airlock, daysOld: number): Promise<AssetRecord & { uploadId: string }> {
  const upload = await airlock.accepts(dot)
  await airlock.worker().process(upload)
  const [asset] = await airlock.assetsOf(upload)
  if (asset === undefined) throw new Error('no asset')
  await airlock.world.sql.query('update assets set created_at = now() - make_interval(days => $2) where id = $1', [asset.id, daysOld])
  return { ...asset, uploadId: upload.id }
}

const accessed = (airlock: Airlock, assetId: string) =>
  airlock.world.database.accessLog.write([
    { userId: airlock.userId, assetId, action: 'presign', result: 'granted', hours: 1, requestId: null, ipHash: null, at: new Date() },
  ])

/** Ends the grace period of marked assets. */
const gracePasses = ({ world }: Airlock) =>
  world.sql.query(`update assets set expiring_at = now() - interval '1 ms' where expiring_at is not null`)

test('an asset that was not used for ninety days is marked, and a week later deleted with its object', async ({ airlock, world }) => {
  const [unused, young] = [await assetOf(airlock, 91), await assetOf(airlock, 89)]

  expect(await airlock.sweeps()).toEqual({ ...nothingSwept, unused: 1 })
  const marked = await world.database.assets.byId(unused.id)
  expect(((marked?.expiringAt?.getTime() ?? 0) - Date.now()) / (24 * 3600 * 1000)).toBeCloseTo(7, 1)
  expect(await airlock.sweeps(), 'not before its grace period ends').toEqual(nothingSwept)

  await gracePasses(airlock)
  expect(await airlock.sweeps()).toMatchObject({ expired: 1 })
  const { uploads, store, log } = airlock
  await purge({ againInSeconds: 30, leaseSeconds: 60 }, { purges: world.database.purges, uploads, store, log })

  expect(await airlock.finalObjects()).toEqual([young.s3Key])
  expect(await world.database.assets.byId(unused.id)).toBeNull()
  expect(airlock.log.withMessage('unused asset deleted')).toMatchObject([{ assetId: unused.id, key: unused.s3Key, rule: 'expired' }])
})

test('an access or a link to a brand during the grace period keeps an asset', { meta: { id: 'access-in-grace-period' } }, async ({
  airlock,
  world,
}) => {
  const [seen, linked, second] = [await assetOf(airlock, 91), await assetOf(airlock, 91), await assetOf(airlock, 91)]
  expect(await airlock.sweeps()).toMatchObject({ unused: 3 })
  await accessed(airlock, seen.id)
  await world.database.brands.setProductImages({ userId: airlock.userId, brandId: randomUUID(), assetIds: [linked.id, second.id] })
  await gracePasses(airlock)

  expect(await airlock.sweeps()).toMatchObject({ expired: 0 })
  for (const { id } of [seen, linked, second]) expect(await world.database.assets.byId(id)).toMatchObject({ expiringAt: null })
  expect(await airlock.sweeps(), 'it is not marked again').toEqual(nothingSwept)
})

test('training sets never expire, and with 0 days nothing does, not even marked assets', async ({ airlock, world }) => {
  const training = await assetOf(airlock, 1000)
  await world.sql.query(`update assets set asset_type = 'lora_training' where id = $1`, [training.id])
  await assetOf(airlock, 1000)
  expect(await airlock.sweeps({ unusedAssetDays: 0 })).toEqual(nothingSwept)
  expect(await airlock.sweeps()).toMatchObject({ unused: 1 })
  await gracePasses(airlock)
  expect(await airlock.sweeps({ unusedAssetDays: 0 })).toEqual(nothingSwept)
  expect(await airlock.sweeps({ dryRun: true })).toEqual({ ...nothingSwept, expired: 1 })
  expect(await airlock.finalObjects()).toHaveLength(2)
})

/** Backdates the end of an upload. */
const endedDays = (airlock: Airlock, upload: { id: string }, days: number) => airlock.ages(upload, days * 24 * 3600)

test('old final uploads are removed; parked and active ones and assets are kept', {
  meta: { id: 'retention-of-final-uploads' },
}, async ({ airlock, world }) => {
  const done = await airlock.accepts(samples.photo)
  await airlock.worker().process(done)
  const rejected = await airlock.accepts(samples.brokenPhoto)
  await airlock.worker().process(rejected)
  const recent = await airlock.accepts(samples.brokenPhoto)
  await airlock.worker().process(recent)
  const parked = await airlock.accepts(dot)
  await airlock.worker({ inspect: async () => Promise.reject(new Error('broken')), maxAttempts: 1 }).process(parked)
  const waiting = await airlock.accepts(dot)
  for (const upload of [done, rejected, parked, waiting]) await endedDays(airlock, upload, 31)
  await endedDays(airlock, recent, 29)

  expect(await airlock.sweeps()).toMatchObject({ outdated: 2 })

  const left = (await airlock.rows()).map(({ id }: UploadRecord) => id)
  expect(left.toSorted()).toEqual([recent.id, parked.id, waiting.id].toSorted())
  expect((await world.database.assets.ofUpload(done.id))?.s3Key).toBe(done.finalKey)
  expect(await airlock.finalObjects()).toEqual([done.finalKey])
  expect(await airlock.sweeps(), 'their objects are not leftovers').toMatchObject({ outdated: 0, leftovers: 0 })
})
