import { expect } from 'vitest'
import type { Batch, Cursor } from '../../src/index.ts'
import { test } from '../database-test.ts'
import { age, claim, claimed, goodFile, newUpload, parked, plenty, promoted, received, tooBig } from '../samples.ts'

test.beforeEach(async ({ sql }) => {
  await sql.query('truncate uploads')
})

const days = 24 * 3600

test('only final uploads that ended long ago are outdated, not parked or active ones', async ({ database, sql }) => {
  const done = (await promoted(database)).uploadId ?? ''
  const recent = (await promoted(database)).uploadId ?? ''
  const rejected = await claimed(database)
  await database.uploads.reject(rejected, tooBig)
  const abandoned = newUpload()
  await database.uploads.register(abandoned, plenty)
  await database.uploads.abandon(abandoned.id, tooBig, { giveBack: false })
  const waiting = await received(database)
  const busy = await claimed(database)
  const kept = await parked(database)
  const receiving = newUpload()
  await database.uploads.register(receiving, plenty)
  for (const id of [waiting.id, busy.uploadId, kept.uploadId, receiving.id]) await age(sql, id, 100 * days)
  await age(sql, done, 33 * days)
  await age(sql, rejected.uploadId, 32 * days)
  await age(sql, abandoned.id, 31 * days)
  await age(sql, recent, 29 * days)

  const found: string[] = []
  let after: Cursor | null = null
  do {
    const batch: Batch = await database.uploads.outdated({ olderThanDays: 30, limit: 2, after })
    found.push(...batch.uploads.map(({ id }) => id))
    after = batch.next
  } while (after !== null)
  expect(found).toEqual([done, rejected.uploadId, abandoned.id])

  for (const id of [done, rejected.uploadId, abandoned.id]) expect(await database.uploads.forget(id, { olderThanDays: 30 })).toBe(true)
  for (const id of [recent, waiting.id, busy.uploadId, kept.uploadId, receiving.id, done])
    expect(await database.uploads.forget(id, { olderThanDays: 30 })).toBe(false)
  const { rows } = await sql.query('select count(*)::integer as count from uploads')
  expect(rows).toEqual([{ count: 5 }])
})

test('accepted uploads that are not final are listed in batches, in the order of ids', async ({ database }) => {
  const alive = [(await received(database)).id, (await claimed(database)).uploadId, (await parked(database)).uploadId].toSorted()
  await promoted(database)
  await database.uploads.register(newUpload(), plenty)
  const first = await database.uploads.alive({ after: null, limit: 2 })
  const rest = await database.uploads.alive({ after: first.at(-1)?.id ?? null, limit: 2 })
  expect([...first, ...rest].map(({ id }) => id)).toEqual(alive)
})

test('uploads are found by their final key, at most a hundred per call', async ({ database }) => {
  const upload = newUpload()
  await database.uploads.register(upload, plenty)
  const file = goodFile(upload)
  await database.uploads.accept([file])
  await claim(database, upload.id)
  const found = await database.uploads.byFinalKeys([file.finalKey, 'brand-images/nobody'])
  expect(found).toMatchObject([{ id: upload.id, finalKey: file.finalKey }])
  await expect(database.uploads.byFinalKeys(Array.from({ length: 101 }, String))).rejects.toThrow(RangeError)
})
