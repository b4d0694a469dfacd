import { randomUUID } from 'node:crypto'
import { refusal } from '@airlock/domain'
import type { Client } from 'pg'
import { expect } from 'vitest'
import { type Claim, ClaimLost, type Database } from '../../src/index.ts'
import { test } from '../database-test.ts'
import { claim, claimed, newUpload, ourFault, parked, plenty, promoted, received, tooBig } from '../samples.ts'

const cancelled = refusal('cancelled', { filename: 'logo.png' })

/** The keys that are to be purged for an upload, sorted. */
const purgesOf = async (sql: Client, uploadId: string) =>
  (await sql.query('select key from purges where upload_id = $1 order by key', [uploadId])).rows.map(({ key }) => key)

test('a waiting upload is cancelled, and its quarantined object is to be purged', async ({ database, sql }) => {
  const { id, quarantineKey } = await received(database)

  const outcome = await database.uploads.cancel(id, cancelled)

  expect(outcome).toEqual({ cancelled: true, record: await database.uploads.byId(id) })
  expect(outcome).toMatchObject({ record: { state: 'rejected', refusal: cancelled, rejectedAt: expect.any(Date), counted: true } })
  expect(await purgesOf(sql, id)).toEqual([quarantineKey])
})

const lateWrites: { what: string; write: (database: Database, mine: Claim) => Promise<unknown> }[] = [
  { what: 'complete', write: ({ uploads }, mine) => uploads.complete(mine, { mediaType: 'image/png', facts: {} }) },
  { what: 'reject', write: ({ uploads }, mine) => uploads.reject(mine, tooBig) },
  { what: 'retryLater', write: ({ uploads }, mine) => uploads.retryLater(mine, 'timeout') },
  { what: 'park', write: ({ uploads }, mine) => uploads.park(mine, ourFault, 'timeout') },
]
test.for(lateWrites)("a worker whose upload was cancelled can't $what it", async ({ write }, { database, sql, expect }) => {
  const mine = await claimed(database)
  expect(await database.uploads.cancel(mine.uploadId, cancelled)).toMatchObject({ cancelled: true, record: { leaseUntil: null } })

  await expect(write(database, mine)).rejects.toThrow(ClaimLost)
  expect(await database.uploads.renewLease(mine, 60)).toBe(false)

  expect(await database.uploads.byId(mine.uploadId)).toMatchObject({ state: 'rejected', refusal: cancelled })
  expect(await database.assets.ofUpload(mine.uploadId)).toBeNull()
  expect(await purgesOf(sql, mine.uploadId), 'a copy may still land').toEqual([mine.finalKey, mine.quarantineKey])
})

test('a parked upload can be cancelled by its owner', async ({ database, sql }) => {
  const mine = await parked(database)
  expect(await database.uploads.cancel(mine.uploadId, cancelled)).toMatchObject({ cancelled: true, record: { refusal: cancelled } })
  expect(await purgesOf(sql, mine.uploadId)).toEqual([mine.finalKey, mine.quarantineKey])
})

const uncancellable: { state: string; make: (database: Database) => Promise<string> }[] = [
  {
    state: 'receiving',
    make: async (database) => {
      const upload = newUpload()
      await database.uploads.register(upload, plenty)
      return upload.id
    },
  },
  { state: 'completed', make: async (database) => (await promoted(database)).uploadId ?? '' },
  {
    state: 'rejected',
    make: async (database) => {
      const { id } = await received(database)
      await database.uploads.cancel(id, cancelled)
      return id
    },
  },
  {
    state: 'abandoned',
    make: async (database) => {
      const upload = newUpload()
      await database.uploads.register(upload, plenty)
      await database.uploads.abandon(upload.id, tooBig, { giveBack: false })
      return upload.id
    },
  },
]
test.for(uncancellable)("an upload that is $state can't be cancelled", async ({ state, make }, { database, sql, expect }) => {
  const id = await make(database)
  const before = await database.uploads.byId(id)
  await sql.query('delete from purges')
  expect(await database.uploads.cancel(id, tooBig)).toEqual({ cancelled: false, reason: state, state })
  expect(await database.uploads.byId(id)).toEqual(before)
  expect(await purgesOf(sql, id)).toEqual([])
})

test("an unknown upload can't be cancelled", async ({ database }) => {
  expect(await database.uploads.cancel(randomUUID(), cancelled)).toEqual({ cancelled: false, reason: 'unknown', state: null })
})

test('of a concurrent promotion and cancellation, exactly one succeeds, and the other gets an error', {
  meta: { id: 'promotion-meets-cancellation' },
}, async ({ database, other }) => {
  for (let round = 0; round < 30; round += 1) {
    const mine = await claimed(database)
    const [completed, outcome] = await Promise.all([
      database.uploads.complete(mine, { mediaType: 'image/png', facts: {} }).catch((error) => error),
      other.uploads.cancel(mine.uploadId, cancelled),
    ])
    const record = await database.uploads.byId(mine.uploadId)
    if (outcome.cancelled) expect(completed).toBeInstanceOf(ClaimLost)
    else expect(outcome).toEqual({ cancelled: false, reason: 'completed', state: 'completed' })
    expect(record?.state).toBe(outcome.cancelled ? 'rejected' : 'completed')
    expect((await database.assets.ofUpload(mine.uploadId)) === null).toBe(outcome.cancelled)
  }
})

test('of ten concurrent cancellations, one succeeds', async ({ database, other }) => {
  const { id } = await received(database)
  const outcomes = await Promise.all(Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? database : other).uploads.cancel(id, cancelled)))
  expect(outcomes.filter((outcome) => outcome.cancelled)).toHaveLength(1)
  for (const outcome of outcomes) if (!outcome.cancelled) expect(outcome.reason).toBe('rejected')
})

test('an operator retries a parked upload, which keeps its attempts and its fault', async ({ database }) => {
  const { uploadId } = await parked(database)
  expect(await database.uploads.retryParked(uploadId)).toBe(true)
  expect(await database.uploads.byId(uploadId)).toMatchObject({
    state: 'received',
    attempt: 1,
    refusal: null,
    lastFault: 'InvalidAccessKeyId',
  })
  expect(await claim(database, uploadId)).toMatchObject({ attempt: 2 })
})

test('an operator releases a parked upload, and its objects are to be purged', async ({ database, sql }) => {
  const { uploadId, quarantineKey, finalKey } = await parked(database)
  expect(await database.uploads.releaseParked(uploadId, tooBig)).toBe(true)
  expect(await database.uploads.byId(uploadId)).toMatchObject({ state: 'rejected', refusal: tooBig })
  expect(await purgesOf(sql, uploadId)).toEqual([finalKey, quarantineKey])
})

test('only parked uploads can be retried or released', async ({ database }) => {
  const { id } = await received(database)
  for (const notParked of [id, randomUUID()]) {
    expect(await database.uploads.retryParked(notParked)).toBe(false)
    expect(await database.uploads.releaseParked(notParked, tooBig)).toBe(false)
  }
  expect(await database.uploads.byId(id)).toMatchObject({ state: 'received', refusal: null })
})

test('parked uploads are listed in batches, the longest parked first', async ({ database, sql }) => {
  await sql.query('truncate uploads')
  const ids = [await parked(database), await parked(database), await parked(database)].map(({ uploadId }) => uploadId)
  await received(database)
  const first = await database.uploads.parked({ limit: 2 })
  const second = await database.uploads.parked({ limit: 2, after: first.next })
  expect([...first.uploads, ...second.uploads].map(({ id }) => id).toSorted()).toEqual(ids.toSorted())
  expect(first.uploads).toHaveLength(2)
  expect(second.next).toBeNull()
})
