import { randomUUID } from 'node:crypto'
import { quarantineKey } from '@airlock/domain'
import { expect } from 'vitest'
import { type Claim, ClaimLost, type Database, UnknownUser } from '../../src/index.ts'
import { test } from '../database-test.ts'
import { claim, claimed, goodFile, lapse, newUpload, ourFault, plenty, received, tooBig } from '../samples.ts'

const sound = { mediaType: 'image/png', facts: { width: 640, height: 480 } } as const
const lease = { leaseSeconds: 60 }

/** The number of assets of an upload. */
const assetsOf = async (sql: { query: (sql: string, values: unknown[]) => Promise<{ rows: unknown[] }> }, id: string) =>
  (await sql.query('select id from assets where upload_id = $1', [id])).rows.length

test('a claim contains everything that was accepted', async ({ database }) => {
  const upload = newUpload()
  const file = goodFile(upload)
  await database.uploads.register(upload, plenty)
  await database.uploads.accept([file])

  const { uploadId, attempt, ...rest } = await claim(database, upload.id)

  expect({ uploadId, attempt }).toEqual({ uploadId: upload.id, attempt: 1 })
  const { id: _id, ...accepted } = { ...upload, ...file }
  expect(rest).toEqual({
    ...accepted,
    tries: 1,
    source: null,
    expectedHash: null,
    receivedAt: expect.any(Date),
    failedInspections: 0,
    failingForSeconds: null,
  })
})

test('of fifty concurrent claims of two workers, one succeeds, and the others learn when to retry', async ({ database, other }) => {
  const { id } = await received(database)

  const outcomes = await Promise.all(Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? database : other).uploads.claim(id, lease)))

  expect(outcomes.filter(({ claimed }) => claimed)).toHaveLength(1)
  for (const outcome of outcomes.filter(({ claimed }) => !claimed)) {
    expect(outcome).toMatchObject({ reason: 'leased', leaseEndsInMs: expect.toSatisfy((ms: number) => ms > 50_000 && ms <= 60_000) })
  }
})

test('of fifty concurrent claims on an expired lease, one gets the next attempt', async ({ database, other, sql }) => {
  const { uploadId } = await claimed(database)
  await lapse(sql, uploadId)

  const outcomes = await Promise.all(Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? database : other).uploads.claim(uploadId, lease)))

  const won = outcomes.filter((outcome) => outcome.claimed)
  expect(won).toHaveLength(1)
  expect(won[0]?.claim.attempt).toBe(2)
})

const unclaimable: { what: string; make: (database: Database) => Promise<string>; answer: { reason: string; state?: string } }[] = [
  { what: 'does not exist', make: async () => randomUUID(), answer: { reason: 'unknown' } },
  {
    what: 'is still being received',
    make: async (database) => {
      const upload = newUpload()
      await database.uploads.register(upload, plenty)
      return upload.id
    },
    answer: { reason: 'receiving', state: 'receiving' },
  },
  {
    what: 'was abandoned',
    make: async (database) => {
      const upload = newUpload()
      await database.uploads.register(upload, plenty)
      await database.uploads.abandon(upload.id, tooBig, { giveBack: false })
      return upload.id
    },
    answer: { reason: 'final', state: 'abandoned' },
  },
  {
    what: 'is already an asset',
    make: (database) => ended(database, (mine) => database.uploads.complete(mine, sound)),
    answer: { reason: 'final', state: 'completed' },
  },
  {
    what: 'was rejected',
    make: (database) => ended(database, (mine) => database.uploads.reject(mine, tooBig)),
    answer: { reason: 'final', state: 'rejected' },
  },
  {
    what: 'is parked',
    make: (database) => ended(database, (mine) => database.uploads.park(mine, ourFault, 'disk full')),
    answer: { reason: 'parked', state: 'parked' },
  },
]

async function ended(database: Database, end: (mine: Claim) => Promise<unknown>): Promise<string> {
  const mine = await claimed(database)
  await end(mine)
  return mine.uploadId
}

test.for(unclaimable)("an upload that $what can't be claimed", async ({ make, answer }, { database, expect }) => {
  const id = await make(database)
  const bytes = answer.reason === 'final' ? { quarantineKey: quarantineKey(id) } : {}
  expect(await database.uploads.claim(id, lease)).toEqual({ claimed: false, ...answer, ...bytes })
})

test("a renewed lease prevents other claims, and a superseded one can't be renewed", async ({ database, sql }) => {
  const mine = await claimed(database, { leaseSeconds: 1 })
  expect(await database.uploads.renewLease(mine, 100)).toBe(true)
  expect(await database.uploads.claim(mine.uploadId, lease)).toMatchObject({
    reason: 'leased',
    leaseEndsInMs: expect.toSatisfy((ms: number) => ms > 90_000 && ms <= 100_001),
  })

  await lapse(sql, mine.uploadId)
  const theirs = await claim(database, mine.uploadId)
  expect(await database.uploads.renewLease(mine, 100)).toBe(false)
  expect(await database.uploads.renewLease(theirs, 100)).toBe(true)
})

test('a completed upload is one asset with the same size, hash and key', async ({ database }) => {
  const mine = await claimed(database)

  const asset = await database.uploads.complete(mine, sound)

  expect(asset).toMatchObject({
    userId: mine.userId,
    uploadId: mine.uploadId,
    s3Key: mine.finalKey,
    filename: mine.filename,
    sizeBytes: mine.sizeBytes,
    mediaType: 'image/png',
    assetType: 'brand_image',
    metadata: { content_hash: mine.contentHash, source: 'form', facts: sound.facts },
    lastAccessedAt: null,
    expiringAt: null,
  })
  expect(await database.assets.byId(asset.id)).toEqual(asset)
  expect(await database.assets.ofUpload(mine.uploadId)).toEqual(asset)
  expect(await database.uploads.byId(mine.uploadId)).toMatchObject({ state: 'completed', leaseUntil: null, completedAt: asset.createdAt })
})

test('an upload that is not completed has no asset, and an unknown asset is null', async ({ database }) => {
  const { id } = await received(database)
  expect(await database.assets.ofUpload(id)).toBeNull()
  expect(await database.assets.byId(randomUUID())).toBeNull()
})

test('completing repeatedly and concurrently creates one asset', { meta: { id: 'completion-is-idempotent' } }, async ({
  database,
  other,
  sql,
}) => {
  const mine = await claimed(database)

  const outcomes = await Promise.allSettled(
    Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? database : other).uploads.complete(mine, sound)),
  )

  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  for (const outcome of outcomes) if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(ClaimLost)
  expect(await assetsOf(sql, mine.uploadId)).toBe(1)
})

const lateWrites: { what: string; write: (database: Database, mine: Claim) => Promise<unknown> }[] = [
  { what: 'complete', write: ({ uploads }, mine) => uploads.complete(mine, sound) },
  { what: 'reject', write: ({ uploads }, mine) => uploads.reject(mine, tooBig) },
  { what: 'retryLater', write: ({ uploads }, mine) => uploads.retryLater(mine, 'timeout') },
  { what: 'hand back', write: ({ uploads }, mine) => uploads.handBack(mine) },
  { what: 'park', write: ({ uploads }, mine) => uploads.park(mine, ourFault, 'timeout') },
]

test.for(lateWrites)("a worker that lost its claim can't $what", async ({ write }, { database, sql, expect }) => {
  const mine = await claimed(database)
  await lapse(sql, mine.uploadId)
  await claim(database, mine.uploadId)
  const before = await database.uploads.byId(mine.uploadId)

  await expect(write(database, mine)).rejects.toThrow(ClaimLost)

  expect(await database.uploads.byId(mine.uploadId)).toEqual(before)
  expect(await assetsOf(sql, mine.uploadId)).toBe(0)
})

test.for(lateWrites)('a worker with an expired lease that nobody claimed can still $what', async ({ write }, { database, sql, expect }) => {
  const mine = await claimed(database)
  await lapse(sql, mine.uploadId)
  await write(database, mine)
  expect(await database.uploads.byId(mine.uploadId)).not.toMatchObject({ state: 'processing' })
})

test.for(lateWrites)("a worker can't $what a final upload", async ({ write }, { database, expect }) => {
  const mine = await claimed(database)
  await database.uploads.reject(mine, tooBig)
  await expect(write(database, mine)).rejects.toMatchObject({ name: 'ClaimLost', uploadId: mine.uploadId, attempt: 1 })
})

test('a rejected upload has a reason for its owner, and still counts', async ({ database }) => {
  const mine = await claimed(database)
  await database.uploads.reject(mine, tooBig)
  expect(await database.uploads.byId(mine.uploadId)).toMatchObject({
    state: 'rejected',
    refusal: tooBig,
    counted: true,
    leaseUntil: null,
    rejectedAt: expect.any(Date),
  })
})

test('a rejection because of us refunds the file', async ({ database }) => {
  const mine = await claimed(database)
  await database.uploads.reject(mine, ourFault, { giveBack: true })
  expect(await database.uploads.byId(mine.uploadId)).toMatchObject({ state: 'rejected', counted: false })
})

test('an upload that is handed back can be claimed at once, with the next attempt number', async ({ database }) => {
  const { id } = await received(database)
  await database.uploads.retryLater(await claim(database, id), 'the inspector is unavailable', { retryInMs: 0, failedInspections: 2 })
  const second = await claim(database, id)
  const before = await database.uploads.byId(id)

  await database.uploads.handBack(second)

  expect(await database.uploads.byId(id)).toMatchObject({
    state: 'received',
    attempt: 2,
    handedBack: 1,
    leaseUntil: null,
    lastFault: 'the inspector is unavailable',
    failingSince: before?.failingSince,
    nextAttemptAt: null,
  })
  expect(await claim(database, id)).toMatchObject({ attempt: 3, tries: 2, failedInspections: 2 })
})

test('an upload that waits for a retry keeps its attempts and its fault, and can be claimed again', async ({ database }) => {
  const mine = await claimed(database)
  await database.uploads.retryLater(mine, `no route to host${'.'.repeat(3000)}`)

  const waiting = await database.uploads.byId(mine.uploadId)
  expect(waiting).toMatchObject({ state: 'received', attempt: 1, leaseUntil: null, refusal: null, receivedAt: mine.receivedAt })
  expect(waiting?.lastFault).toHaveLength(2000)

  expect(await claim(database, mine.uploadId)).toEqual({
    ...mine,
    attempt: 2,
    tries: 2,
    failingForSeconds: expect.any(Number),
  })
})

test('a parked upload has separate reasons for its owner and for operators', async ({ database }) => {
  const mine = await claimed(database)
  await database.uploads.park(mine, ourFault, 'InvalidAccessKeyId')
  expect(await database.uploads.byId(mine.uploadId)).toMatchObject({
    state: 'parked',
    refusal: ourFault,
    lastFault: 'InvalidAccessKeyId',
    parkedAt: expect.any(Date),
  })
})

test('an upload whose owner was deleted does not become an asset', async ({ database, sql }) => {
  const mine = await claimed(database)
  await sql.query('delete from users where id = $1', [mine.userId])
  await expect(database.uploads.complete(mine, sound)).rejects.toThrow(UnknownUser)
  expect(await database.uploads.byId(mine.uploadId)).toMatchObject({ state: 'processing' })
})

test('if completing fails, neither row changes', async ({ database, sql }) => {
  const mine = await claimed(database)
  await sql.query(`insert into users values ($1) on conflict do nothing`, [mine.userId])
  await sql.query(`insert into assets (user_id, s3_key) values ($1, $2)`, [mine.userId, mine.finalKey])

  await expect(database.uploads.complete(mine, sound)).rejects.toMatchObject({ driverError: { constraint: 'assets_s3_key_key' } })

  expect(await database.uploads.byId(mine.uploadId)).toMatchObject({ state: 'processing', attempt: 1 })
})

test('deleting a user deletes their assets, and keeps their uploads', async ({ database, sql }) => {
  const mine = await claimed(database)
  const asset = await database.uploads.complete(mine, sound)
  await sql.query('delete from users where id = $1', [mine.userId])
  expect(await database.assets.byId(asset.id)).toBeNull()
  expect(await database.uploads.byId(mine.uploadId)).toMatchObject({ state: 'completed' })
})

test('an asset of an upload must have all columns, one of the surrounding product need not', async ({ database, sql }) => {
  const { userId, id } = await received(database)
  const insert = `insert into assets (user_id, s3_key, upload_id) values ($1, $2, $3) returning id`
  await expect(sql.query(insert, [userId, `brand-images/${id}-a`, id])).rejects.toMatchObject({ constraint: 'assets_of_uploads_are_whole' })
  const { rows } = await sql.query(insert, [userId, `brand-images/${id}-b`, null])
  expect(await database.assets.byId(rows[0].id)).toMatchObject({ filename: null, sizeBytes: null, mediaType: null, uploadId: null })
})
