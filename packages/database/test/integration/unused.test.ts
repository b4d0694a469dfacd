import { randomUUID } from 'node:crypto'
import { deleteAllRows } from '@airlock/testkit'
import type { Client } from 'pg'
import { expect } from 'vitest'
import type { AccessEntry } from '../../src/index.ts'
import { connected, test } from '../database-test.ts'
import { promoted } from '../samples.ts'

test.beforeEach(async ({ sql }) => {
  await deleteAllRows(sql)
})

const first = { after: null, limit: 10 }

/** Backdates the creation of assets by `days`. */
const agesDays = (sql: Client, id: string, days: number) =>
  sql.query('update assets set created_at = now() - make_interval(days => $2) where id = $1', [id, days])

const access = (assetId: string, daysAgo: number, result: AccessEntry['result'] = 'granted'): AccessEntry => ({
  userId: randomUUID(),
  assetId,
  action: 'presign',
  result,
  hours: 24,
  requestId: null,
  ipHash: null,
  at: new Date(Date.now() - daysAgo * 24 * 3600 * 1000),
})

const links = (sql: Client, userId: string, s3Key: string) =>
  sql.query(
    `with list as (insert into brand_image_lists (user_id, brand_id) values ($1, $2) returning brand_id)
     insert into brand_product_images (user_id, brand_id, position, s3_key) select $1, brand_id, 1, $3 from list`,
    [userId, randomUUID(), s3Key],
  )

test('assets are unused if they were not linked or accessed for a given time; training sets and assets of others never are', async ({
  database,
  sql,
}) => {
  const [unused, older, young, linked, seen, logged, refused, training, foreign] = await Promise.all(
    Array.from({ length: 9 }, () => promoted(database)),
  )
  if (!unused || !older || !young || !linked || !seen || !logged || !refused || !training || !foreign) throw new Error('too few')
  for (const { id } of [unused, linked, seen, logged, training, foreign]) await agesDays(sql, id, 91)
  await agesDays(sql, older.id, 100)
  await agesDays(sql, refused.id, 92)
  await agesDays(sql, young.id, 89)
  await links(sql, linked.userId, linked.s3Key)
  await sql.query(`update assets set last_accessed_at = now() - interval '89 days' where id = $1`, [seen.id])
  await sql.query(
    `insert into asset_access_log (at, user_id, asset_id, action, result) values (now() - interval '1 day', $1, $1, 'p', 'granted')`,
    [logged.id],
  )
  await database.accessLog.write([access(refused.id, 1, 'foreign')])
  await sql.query(`update assets set asset_type = 'lora_training' where id = $1`, [training.id])
  await sql.query('update assets set upload_id = null where id = $1', [foreign.id])

  const batch = await database.assets.unused({ ...first, days: 90, limit: 2 })
  expect(batch.assets.map(({ id }) => id)).toEqual([older.id, refused.id])
  const rest = await database.assets.unused({ ...first, days: 90, after: batch.next })
  expect(rest.assets.map(({ id }) => id)).toEqual([unused.id])
  expect(rest.next).toBeNull()

  for (const { id } of [young, linked, seen, logged, training, foreign])
    expect(await database.assets.markExpiring(id, { days: 90, graceDays: 7 })).toBe(false)
  expect(await database.assets.markExpiring(unused.id, { days: 90, graceDays: 7 })).toBe(true)
  expect(await database.assets.markExpiring(unused.id, { days: 90, graceDays: 7 }), 'already marked').toBe(false)
  expect((await database.assets.expiring({ ...first, onlyExpired: false })).assets.map(({ id }) => id)).toEqual([unused.id])
  expect((await database.assets.expiring({ ...first, onlyExpired: true })).assets).toEqual([])
})

/** An asset whose grace period has ended. */
async function expired(database: Parameters<typeof promoted>[0], sql: Client) {
  const asset = await promoted(database)
  await sql.query(`update assets set created_at = now() - interval '98 days', expiring_at = now() - interval '1 ms' where id = $1`, [
    asset.id,
  ])
  return asset
}

test('an expired asset is deleted as by its owner', async ({ database, sql }) => {
  const asset = await expired(database, sql)
  expect((await database.assets.expiring({ ...first, onlyExpired: true })).assets.map(({ id }) => id)).toEqual([asset.id])
  expect(await database.assets.deleteExpired(asset.id, { graceDays: 7 })).toBe('deleted')
  expect(await database.assets.byId(asset.id)).toBeNull()
  expect(await database.purges.due({ limit: 10, leaseSeconds: 60 })).toMatchObject([{ key: asset.s3Key, uploadId: asset.uploadId }])
  expect(await database.assets.deleteExpired(asset.id, { graceDays: 7 })).toBe('waits')
})

test('any access during the grace period keeps an asset', async ({ database, sql }) => {
  const asset = await expired(database, sql)
  await database.accessLog.write([access(asset.id, 0)])
  expect(await database.assets.deleteExpired(asset.id, { graceDays: 7 })).toBe('waits')
  expect(await database.assets.byId(asset.id)).toMatchObject({ expiringAt: null })
})

test('of a concurrent use and deletion, exactly one succeeds', async ({ database, other, sql }) => {
  for (let round = 0; round < 20; round += 1) {
    const asset = await expired(database, sql)
    const [used, deletion] = await Promise.all([database.assets.noteUse(asset.id), other.assets.deleteExpired(asset.id, { graceDays: 7 })])
    expect([used, deletion]).toEqual(used ? [true, 'waits'] : [false, 'deleted'])
    expect((await database.assets.byId(asset.id)) !== null).toBe(used)
  }
})

test('a use that waits for a concurrent deletion finds the asset deleted', async ({ database, sql, url }) => {
  const asset = await expired(database, sql)
  const deletion = await connected(url)
  await deletion.query('begin')
  await deletion.query('delete from assets where id = $1', [asset.id])
  const use = database.assets.noteUse(asset.id)
  await deletion.query('commit')
  await deletion.end()
  expect(await use).toBe(false)
})

test('an asset that is being used is not marked', async ({ database, sql }) => {
  const asset = await promoted(database)
  await agesDays(sql, asset.id, 98)
  expect(await database.assets.noteUse(asset.id)).toBe(true)
  expect(await database.assets.markExpiring(asset.id, { days: 90, graceDays: 0 })).toBe(false)
})

test('an access that was only logged, because the row was locked, keeps the asset too', async ({ database, sql, url }) => {
  const asset = await expired(database, sql)
  const blocker = await connected(url)
  await blocker.query('begin')
  await blocker.query('select from assets where id = $1 for update', [asset.id])
  await database.accessLog.write([access(asset.id, 0)])
  await blocker.query('commit')
  await blocker.end()
  expect(await database.assets.byId(asset.id)).toMatchObject({ expiringAt: expect.any(Date) })

  expect(await database.assets.deleteExpired(asset.id, { graceDays: 7 })).toBe('spared')
  expect(await database.assets.byId(asset.id)).toMatchObject({ expiringAt: null })
})

test('an asset that was linked to a brand during the grace period is kept', async ({ database, sql }) => {
  const asset = await expired(database, sql)
  await links(sql, asset.userId, asset.s3Key)
  expect(await database.assets.deleteExpired(asset.id, { graceDays: 7 })).toBe('spared')
  expect(await database.assets.byId(asset.id)).toMatchObject({ expiringAt: null })
})

test('assets below a prefix are listed in byte order, as in object stores', async ({ database, sql }) => {
  const names = ['B', 'a', 'Z', '_', 'ä', '0', 'b']
  for (const name of names) {
    const { id } = await promoted(database)
    await sql.query('update assets set s3_key = $2 where id = $1', [id, `brand-images/${name}`])
  }
  for (const key of ['brand-images', 'brand-images-too/x', 'brand-imaget/x']) {
    const { id } = await promoted(database)
    await sql.query('update assets set s3_key = $2 where id = $1', [id, key])
  }
  const all = await database.assets.below({ prefix: 'brand-images/', after: '', limit: 100 })
  expect(all.map(({ s3Key }) => s3Key)).toEqual(['0', 'B', 'Z', '_', 'a', 'b', 'ä'].map((name) => `brand-images/${name}`))
  const some = await database.assets.below({ prefix: 'brand-images/', after: 'brand-images/Z', limit: 2 })
  expect(some.map(({ s3Key }) => s3Key)).toEqual(['brand-images/_', 'brand-images/a'])
  expect((await database.assets.byKeys(['brand-images/a', 'nowhere'])).map(({ s3Key }) => s3Key)).toEqual(['brand-images/a'])
})
