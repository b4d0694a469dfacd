import { expect } from 'vitest'
import type { Batch, Cursor } from '../../src/index.ts'
import { test } from '../database-test.ts'
import { age, claimed, lapse, newUpload, plenty, received, tooBig } from '../samples.ts'

/** The ids of each batch. */
async function allOf(find: (after: Cursor | null) => Promise<Batch>): Promise<string[][]> {
  const batches: string[][] = []
  let after: Cursor | null = null
  do {
    const batch = await find(after)
    batches.push(batch.uploads.map(({ id }) => id))
    after = batch.next
  } while (after !== null)
  return batches
}

test.beforeEach(async ({ sql }) => {
  await sql.query('truncate uploads')
})

test('received uploads without changes for a given time are waiting, the longest first', async ({ database, sql }) => {
  const [young, old, older] = [await received(database), await received(database), await received(database)]
  await age(sql, old.id, 61)
  await age(sql, older.id, 100)
  const worked = await claimed(database)
  await age(sql, worked.uploadId, 100)

  const { uploads, next } = await database.uploads.waiting({ olderThanSeconds: 60, limit: 10 })

  expect(uploads.map(({ id }) => id)).toEqual([older.id, old.id])
  expect(uploads[0]).toMatchObject({ state: 'received', filename: older.filename })
  expect(next).toBeNull()
  expect(young.id).not.toBe(old.id)
})

test('an upload that was handed back a moment ago is not waiting yet, whatever its age', async ({ database, sql }) => {
  const mine = await claimed(database)
  await age(sql, mine.uploadId, 1000)
  await database.uploads.retryLater(mine, 'timeout')
  expect((await database.uploads.waiting({ olderThanSeconds: 60, limit: 10 })).uploads).toEqual([])
})

test('an upload with a delayed retry is not waiting before that time', async ({ database, sql }) => {
  const { id } = await received(database)
  await age(sql, id, 1000)
  await sql.query(`update uploads set next_attempt_at = now() + interval '1 minute' where id = $1`, [id])
  expect((await database.uploads.waiting({ olderThanSeconds: 60, limit: 10 })).uploads).toEqual([])
  await sql.query(`update uploads set next_attempt_at = now() - interval '1 ms' where id = $1`, [id])
  expect((await database.uploads.waiting({ olderThanSeconds: 60, limit: 10 })).uploads).toMatchObject([{ id }])
})

test('only uploads with an expired lease have lapsed', async ({ database, sql }) => {
  const [live, lapsed] = [await claimed(database), await claimed(database)]
  await lapse(sql, lapsed.uploadId)
  const { uploads } = await database.uploads.lapsed({ limit: 10 })
  expect(uploads).toMatchObject([{ id: lapsed.uploadId, state: 'processing', attempt: 1 }])
  expect(live.attempt).toBe(1)
})

test('only uploads that have been receiving for too long are stale', async ({ database, sql }) => {
  const [young, stale, abandoned] = [newUpload(), newUpload(), newUpload()]
  for (const upload of [young, stale, abandoned]) await database.uploads.register(upload, plenty)
  const accepted = await received(database)
  for (const id of [stale.id, abandoned.id, accepted.id]) await age(sql, id, 4000)
  await database.uploads.abandon(abandoned.id, tooBig, { giveBack: false })

  const { uploads } = await database.uploads.stale({ olderThanSeconds: 3600, limit: 10 })

  expect(uploads.map(({ id }) => id)).toEqual([stale.id])
})

test('batches contain every upload once, even if many stopped in the same millisecond', async ({ database, sql }) => {
  const ids: string[] = []
  for (let i = 0; i < 7; i += 1) ids.push((await received(database)).id)
  await sql.query(`update uploads set updated_at = date_trunc('second', now()) - interval '1 hour'`)

  const batches = await allOf((after) => database.uploads.waiting({ olderThanSeconds: 60, limit: 3, after }))

  expect(batches.map((batch) => batch.length)).toEqual([3, 3, 1])
  expect(batches.flat()).toEqual(ids.toSorted())
})

test('a full last batch is followed by an empty one', async ({ database, sql }) => {
  for (let i = 0; i < 4; i += 1) await lapse(sql, (await claimed(database)).uploadId)
  const batches = await allOf((after) => database.uploads.lapsed({ limit: 2, after }))
  expect(batches.map((batch) => batch.length)).toEqual([2, 2, 0])
})
