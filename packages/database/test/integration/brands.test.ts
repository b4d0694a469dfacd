import { randomUUID } from 'node:crypto'
import type { Client } from 'pg'
import { expect } from 'vitest'
import { type AssetRecord, type Database, DatabaseUnavailable } from '../../src/index.ts'
import { connected, test } from '../database-test.ts'
import { promoted } from '../samples.ts'

/** Creates `count` pictures of one user. */
async function pictures(database: Database, count: number, userId: string = randomUUID()): Promise<AssetRecord[]> {
  return Promise.all(Array.from({ length: count }, () => promoted(database, { userId })))
}

const idsOf = (assets: readonly AssetRecord[]) => assets.map(({ id }) => id)

/** Creates a brand of a user with `count` linked pictures. */
async function brandWith(database: Database, count: number) {
  const userId = randomUUID()
  const images = await pictures(database, count, userId)
  const list = { userId, brandId: randomUUID() }
  expect(await database.brands.setProductImages({ ...list, assetIds: idsOf(images) })).toEqual({ ok: true, images })
  return { list, images }
}

test('a brand lists its linked pictures in order', async ({ database }) => {
  const { list, images } = await brandWith(database, 3)
  expect(await database.brands.productImages(list)).toEqual(images)

  const turned = images.toReversed()
  await database.brands.setProductImages({ ...list, assetIds: idsOf(turned).map((id) => id.toUpperCase()) })
  expect(await database.brands.productImages(list)).toEqual(turned)

  await database.brands.setProductImages({ ...list, assetIds: idsOf(images.slice(1)) })
  expect(await database.brands.productImages(list)).toEqual(images.slice(1))
})

test('each user has a separate list per brand id, and a picture can be in several', async ({ database }) => {
  const { list, images } = await brandWith(database, 2)
  const stranger = { userId: randomUUID(), brandId: list.brandId }
  expect(await database.brands.productImages(stranger)).toEqual([])
  const theirs = await pictures(database, 2, stranger.userId)
  await database.brands.setProductImages({ ...stranger, assetIds: idsOf(theirs) })
  await database.brands.setProductImages({ userId: list.userId, brandId: randomUUID(), assetIds: idsOf(images) })
  expect(await database.brands.productImages(list)).toEqual(images)
  expect(await database.brands.productImages(stranger)).toEqual(theirs)
})

test('unknown pictures and those of other users are reported, and the list is unchanged', async ({ database, sql }) => {
  const { list, images } = await brandWith(database, 2)
  const [foreign] = await pictures(database, 1)
  const unknown = randomUUID()
  const assetIds = [unknown, images[0]?.id ?? '', foreign?.id ?? '']
  expect(await database.brands.setProductImages({ ...list, assetIds })).toEqual({ ok: false, missing: [unknown, foreign?.id] })
  expect(await database.brands.productImages(list)).toEqual(images)

  const other = { ...list, brandId: randomUUID() }
  await database.brands.setProductImages({ ...other, assetIds })
  expect((await sql.query('select from brand_image_lists where brand_id = $1', [other.brandId])).rows).toEqual([])
})

test("a user without assets can't link any", async ({ database }) => {
  const assetIds = [randomUUID(), randomUUID()]
  expect(await database.brands.setProductImages({ userId: randomUUID(), brandId: randomUUID(), assetIds })).toEqual({
    ok: false,
    missing: assetIds,
  })
})

test('an asset that is not a brand image is reported', async ({ database }) => {
  const { list, images } = await brandWith(database, 2)
  const video = await promoted(database, { userId: list.userId }, { assetType: 'generated_video', projectId: randomUUID() })
  const assetIds = [images[0]?.id ?? '', video.id]
  expect(await database.brands.setProductImages({ ...list, assetIds })).toEqual({ ok: false, wrongKind: [video.id] })
  expect(await database.brands.productImages(list)).toEqual(images)
})

const [a, b] = [randomUUID(), randomUUID()]
const mistakes = [
  { what: 'one picture', assetIds: [a] },
  { what: 'eleven pictures', assetIds: Array.from({ length: 11 }, () => randomUUID()) },
  { what: 'a picture twice', assetIds: [a, b, a.toUpperCase()] },
]
test.for(mistakes)('$what is an error', async ({ assetIds }, { database, expect }) => {
  await expect(database.brands.setProductImages({ userId: a, brandId: b, assetIds })).rejects.toThrow(RangeError)
})

test('a linked asset is in use; a forced deletion unlinks it everywhere', async ({ database }) => {
  const { list, images } = await brandWith(database, 2)
  const second = { ...list, brandId: randomUUID() }
  await database.brands.setProductImages({ ...second, assetIds: idsOf(images) })
  const [first = '', last = ''] = idsOf(images)

  expect(await database.assets.delete(first, { force: false })).toBe('in_use')
  expect(await database.assets.byId(first)).toEqual(images[0])
  expect(await database.assets.delete(first, { force: true })).toBe('deleted')

  for (const brand of [list, second]) expect(idsOf(await database.brands.productImages(brand))).toEqual([last])
})

test("a linked asset can't be deleted by plain SQL", async ({ database, sql }) => {
  const { images } = await brandWith(database, 2)
  await expect(sql.query('delete from assets where id = $1', [images[0]?.id])).rejects.toMatchObject({
    constraint: 'brand_product_images_s3_key_fkey',
  })
})

test('a user with brands can be deleted', async ({ database, sql }) => {
  const { list, images } = await brandWith(database, 3)
  await sql.query('delete from users where id = $1', [list.userId])
  expect(await database.brands.productImages(list)).toEqual([])
  expect(await database.assets.byIds(idsOf(images))).toEqual([])
})

/** Statements that reach this point of a table wait until the test releases them. */
async function stopsAt(point: string, { url, sql }: { url: string; sql: Client }) {
  await sql.query(`
    create function stop_here() returns trigger language plpgsql as $$
    begin
      perform pg_advisory_xact_lock_shared(4711);
      return coalesce(new, old);
    end $$`)
  await sql.query(`create trigger stop_here ${point} for each row execute function stop_here()`)
  const holder = await connected(url)
  await holder.query('select pg_advisory_lock(4711)')
  const waiting = async (locktype: string) => {
    const { rows } = await sql.query('select from pg_locks where not granted and locktype = any($1)', [[locktype]])
    return rows.length > 0
  }
  return {
    reached: () => expect.poll(() => waiting('advisory'), { timeout: 5000, interval: 10 }).toBe(true),
    /** Resolves when another statement waits for the locks of the stopped one. */
    isWaitedFor: () => expect.poll(() => waiting('transactionid'), { timeout: 5000, interval: 10 }).toBe(true),
    goesOn: () => holder.end(),
    forget: () => sql.query('drop function stop_here() cascade'),
  }
}

test('a deletion waits for a concurrent link, and then finds the asset in use', {
  meta: { id: 'deletion-meets-link' },
}, async ({ database, other, url, sql }) => {
  const userId = randomUUID()
  const images = await pictures(database, 2, userId)
  const list = { userId, brandId: randomUUID() }
  const stop = await stopsAt('before insert on brand_product_images', { url, sql })
  const linking = database.brands.setProductImages({ ...list, assetIds: idsOf(images) })
  await stop.reached()

  const deleting = other.assets.delete(images[1]?.id ?? '', { force: false })
  await stop.isWaitedFor()
  await stop.goesOn()

  expect(await linking).toEqual({ ok: true, images })
  expect(await deleting).toBe('in_use')
  expect(await database.brands.productImages(list)).toEqual(images)
  await stop.forget()
})

test('a link waits for a concurrent deletion, and then does not find the asset', { meta: { id: 'link-meets-deletion' } }, async ({
  database,
  other,
  url,
  sql,
}) => {
  const userId = randomUUID()
  const images = await pictures(database, 2, userId)
  const list = { userId, brandId: randomUUID() }
  const stop = await stopsAt('before delete on assets', { url, sql })
  const deleting = other.assets.delete(images[1]?.id ?? '', { force: false })
  await stop.reached()

  const linking = database.brands.setProductImages({ ...list, assetIds: idsOf(images) })
  await stop.goesOn()

  expect(await deleting).toBe('deleted')
  expect(await linking).toEqual({ ok: false, missing: [images[1]?.id] })
  expect(await database.brands.productImages(list)).toEqual([])
  await stop.forget()
})

test('of a concurrent link and deletion, exactly one succeeds', async ({ database, other }) => {
  for (let round = 0; round < 30; round += 1) {
    const userId = randomUUID()
    const images = await pictures(database, 2, userId)
    const [, doomed = ''] = idsOf(images)
    const list = { userId, brandId: randomUUID() }

    const [linked, deleted] = await Promise.all([
      database.brands.setProductImages({ ...list, assetIds: idsOf(images) }),
      other.assets.delete(doomed, { force: false }),
    ])

    if (linked.ok) {
      expect(deleted).toBe('in_use')
      expect(await database.brands.productImages(list)).toEqual(images)
    } else {
      expect({ linked, deleted }).toEqual({ linked: { ok: false, missing: [doomed] }, deleted: 'deleted' })
      expect(await database.brands.productImages(list)).toEqual([])
    }
  }
})

test('of two concurrent changes of a list, the last one determines the whole list', async ({ database, other }) => {
  const userId = randomUUID()
  const images = await pictures(database, 6, userId)
  const list = { userId, brandId: randomUUID() }
  const wishes = [idsOf(images.slice(0, 4)), idsOf(images.slice(2).toReversed()), idsOf(images)]
  for (let round = 0; round < 10; round += 1) {
    const outcomes = await Promise.all(
      wishes.map((assetIds, i) => (i % 2 === 0 ? database : other).brands.setProductImages({ ...list, assetIds })),
    )
    expect(outcomes.map(({ ok }) => ok)).toEqual([true, true, true])
    expect(wishes).toContainEqual(idsOf(await database.brands.productImages(list)))
  }
})

test('links, forced deletions and the deletion of the user do not deadlock', async ({ database, other, sql }) => {
  for (let round = 0; round < 15; round += 1) {
    const userId = randomUUID()
    const images = await pictures(database, 6, userId)
    const ids = idsOf(images)
    const [first, second] = [randomUUID(), randomUUID()]
    await database.brands.setProductImages({ userId, brandId: first, assetIds: ids })

    const outcomes = await Promise.allSettled([
      database.brands.setProductImages({ userId, brandId: first, assetIds: ids.slice(0, 3) }),
      other.brands.setProductImages({ userId, brandId: second, assetIds: ids.toReversed() }),
      other.assets.delete(ids[5] ?? '', { force: true }),
      database.assets.delete(ids[0] ?? '', { force: true }),
      sql.query('delete from users where id = $1', [userId]),
    ])

    for (const outcome of outcomes) expect(outcome).toMatchObject({ status: 'fulfilled' })
    expect((await sql.query('select from assets where user_id = $1', [userId])).rows).toEqual([])
    expect((await sql.query('select from brand_product_images where user_id = $1', [userId])).rows).toEqual([])
  }
})

test('a link waits for a locked asset until a timeout', async ({ database, url }) => {
  const { list, images } = await brandWith(database, 2)
  const blocker = await connected(url)
  await blocker.query('begin')
  await blocker.query('select from assets where id = $1 for update', [images[1]?.id])

  const assetIds = idsOf(images.toReversed())
  await expect(database.brands.setProductImages({ ...list, assetIds })).rejects.toThrow(DatabaseUnavailable)
  expect(await database.brands.productImages(list)).toEqual(images)

  const later = database.brands.setProductImages({ ...list, assetIds })
  await blocker.query('commit')
  expect(await later).toMatchObject({ ok: true })
  await blocker.end()
})
