import { randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import { test } from '../database-test.ts'
import { promoted } from '../samples.ts'

const worker = { limit: 10, leaseSeconds: 60 }

test.beforeEach(async ({ sql }) => {
  await sql.query('truncate purges')
})

test('a deleted asset has no row, and its object is to be purged', async ({ database }) => {
  const asset = await promoted(database)

  expect(await database.assets.delete(asset.id, { force: false })).toBe('deleted')

  expect(await database.assets.byId(asset.id)).toBeNull()
  expect(await database.purges.due(worker)).toEqual([
    { key: asset.s3Key, uploadId: asset.uploadId, requestedAt: expect.any(Date), firstDoneAt: null },
  ])
})

test('deleting a deleted asset reports that it is gone', async ({ database }) => {
  const { id } = await promoted(database)
  await database.assets.delete(id, { force: false })
  for (const gone of [id, randomUUID()]) expect(await database.assets.delete(gone, { force: true })).toBe('gone')
})

test('of ten concurrent deletions of an asset, one succeeds', { meta: { id: 'ten-deletions-at-once' } }, async ({ database, other }) => {
  const { id } = await promoted(database)
  const outcomes = await Promise.all(
    Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? database : other).assets.delete(id, { force: i % 3 === 0 })),
  )
  expect(outcomes.toSorted()).toEqual(['deleted', ...Array.from({ length: 9 }, () => 'gone')])
})

test('an object is purged even if its asset was deleted with its user or by plain SQL', async ({ database, sql }) => {
  const [ofUser, bySql] = [await promoted(database), await promoted(database)]
  await sql.query('delete from users where id = $1', [ofUser.userId])
  await sql.query('delete from assets where id = $1', [bySql.id])
  const due = await database.purges.due(worker)
  expect(due.map(({ key }) => key).toSorted()).toEqual([ofUser.s3Key, bySql.s3Key].toSorted())
})

test('a rolled back deletion purges nothing', { meta: { id: 'deletion-rolled-back' } }, async ({ database, sql }) => {
  const asset = await promoted(database)
  await sql.query('begin')
  await sql.query('delete from assets where id = $1', [asset.id])
  await sql.query('rollback')
  expect((await sql.query('select from purges')).rows).toEqual([])
  expect(await database.purges.due(worker)).toEqual([])
})

test('the object of an asset that Airlock did not create is not purged', async ({ database, sql }) => {
  const userId = randomUUID()
  await sql.query('insert into users (id) values ($1)', [userId])
  const { rows } = await sql.query('insert into assets (user_id, s3_key) values ($1, $2) returning id', [userId, `legacy/${userId}.png`])
  expect(await database.assets.delete(rows[0].id, { force: false })).toBe('deleted')
  expect(await database.purges.due(worker)).toEqual([])
})

test('an object is purged twice, the second time after the longest call could have ended', async ({ database, sql }) => {
  const asset = await promoted(database)
  await database.assets.delete(asset.id, { force: false })
  await database.purges.due({ ...worker, leaseSeconds: 0 })
  expect(await database.purges.finished(asset.s3Key), 'one removal does not finish it').toBe(false)

  expect(await database.purges.firstDone(asset.s3Key, { againInSeconds: 300 })).toBe(true)
  expect(await database.purges.firstDone(asset.s3Key, { againInSeconds: 300 })).toBe(false)
  expect(await database.purges.due(worker)).toEqual([])

  await sql.query(`update purges set due_at = due_at - interval '300 s'`)
  expect(await database.purges.due(worker)).toMatchObject([{ key: asset.s3Key, firstDoneAt: expect.any(Date) }])
  expect(await database.purges.finished(asset.s3Key)).toBe(true)
  expect(await database.purges.finished(asset.s3Key)).toBe(false)
  expect((await sql.query('select from purges')).rows).toEqual([])
})

test('several workers share due purges, and an unfinished one becomes due again', async ({ database, other }) => {
  const assets = await Promise.all(Array.from({ length: 12 }, () => promoted(database)))
  for (const { id } of assets) await database.assets.delete(id, { force: false })

  const shares = await Promise.all([
    database.purges.due({ limit: 5, leaseSeconds: 0.2 }),
    other.purges.due({ limit: 5, leaseSeconds: 0.2 }),
    database.purges.due({ limit: 5, leaseSeconds: 0.2 }),
  ])
  const keys = shares.flat().map(({ key }) => key)
  expect(new Set(keys).size).toBe(keys.length)
  expect(keys.length).toBeLessThanOrEqual(12)

  await expect.poll(async () => (await database.purges.due({ limit: 20, leaseSeconds: 0 })).length).toBe(12)
})

test('the longest due purge comes first', async ({ database, sql }) => {
  const assets = [await promoted(database), await promoted(database), await promoted(database)]
  for (const { id } of assets) await database.assets.delete(id, { force: false })
  await sql.query(`update purges set due_at = due_at - interval '1 hour' where key = $1`, [assets[1]?.s3Key])
  const due = await database.purges.due({ limit: 2, leaseSeconds: 60 })
  expect(due.map(({ key }) => key)).toEqual([assets[1]?.s3Key, assets[0]?.s3Key])
})

test('an object that an asset refers to again is not purged', async ({ database, sql }) => {
  const asset = await promoted(database)
  await sql.query('create table rescued as select * from assets where id = $1', [asset.id])
  await database.assets.delete(asset.id, { force: false })
  await sql.query('insert into assets select * from rescued')
  await sql.query('drop table rescued')

  expect(await database.purges.due(worker)).toEqual([])
  expect((await sql.query('select from purges')).rows).toEqual([])

  await database.assets.delete(asset.id, { force: false })
  expect(await database.purges.due(worker)).toHaveLength(1)
})
