import { randomUUID } from 'node:crypto'
import type { Client } from 'pg'
import { expect } from 'vitest'
import { type Database, IdempotencyLeaseLost, type IdempotencyToken, type NewUpload, UploadNotReceiving } from '../../src/index.ts'
import { test } from '../database-test.ts'
import { goodFile, newUpload, plenty, tooBig } from '../samples.ts'

const request = () => ({ userId: randomUUID(), key: 'order 66', leaseSeconds: 60, keepHours: 24 })

/** @throws Error if another request holds the lease */
async function mine({ idempotency }: Database, asked: ReturnType<typeof request>): Promise<IdempotencyToken> {
  const beginning = await idempotency.begin(asked)
  if (beginning.outcome !== 'mine') throw new Error(`not mine: ${beginning.outcome}`)
  return beginning.token
}

async function receiving(database: Database, userId: string): Promise<NewUpload> {
  const upload = newUpload({ userId })
  await database.uploads.register(upload, plenty)
  return upload
}

const repeatable = (token: IdempotencyToken) => ({
  idempotency: {
    token,
    fingerprint: 'sha-256:abc',
    answer: (records: readonly { id: string }[]) => ({ uploads: records.map(({ id }) => id) }),
  },
})

const lapse = (sql: Client, { userId, key }: { userId: string; key: string }) =>
  sql.query(`update idempotency_keys set lease_until = now() - interval '1 s' where user_id = $1 and key = $2`, [userId, key])

const expire = (sql: Client, { userId, key }: { userId: string; key: string }) =>
  sql.query(`update idempotency_keys set expires_at = now() - interval '1 s' where user_id = $1 and key = $2`, [userId, key])

test('of fifty identical requests at two gateways, one gets the lease', async ({ database, other }) => {
  const asked = request()
  const outcomes = await Promise.all(Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? database : other).idempotency.begin(asked)))
  expect(outcomes.filter(({ outcome }) => outcome === 'mine')).toHaveLength(1)
  for (const beginning of outcomes.filter(({ outcome }) => outcome !== 'mine')) {
    expect(beginning).toEqual({
      outcome: 'in_flight',
      retryAfterSeconds: expect.toSatisfy((seconds: number) => seconds > 50 && seconds <= 60),
    })
  }
})

test('another key, or the same key of another user, is another request', async ({ database }) => {
  const asked = request()
  await mine(database, asked)
  await mine(database, { ...asked, key: 'order 67' })
  await mine(database, { ...asked, userId: randomUUID() })
})

test('a repetition gets the response that was stored with the acceptance', async ({ database, other }) => {
  const asked = request()
  const token = await mine(database, asked)
  const uploads = [await receiving(database, asked.userId), await receiving(database, asked.userId)]

  await database.uploads.accept(
    uploads.map((upload) => goodFile(upload)),
    repeatable(token),
  )

  expect(await other.idempotency.begin(asked)).toEqual({
    outcome: 'done',
    fingerprint: 'sha-256:abc',
    answer: { uploads: uploads.map(({ id }) => id) },
  })
})

test("if the files can't be accepted, no response is stored, and the lease is kept", async ({ database }) => {
  const asked = request()
  const token = await mine(database, asked)
  const upload = await receiving(database, asked.userId)
  await database.uploads.abandon(upload.id, tooBig, { giveBack: false })

  await expect(database.uploads.accept([goodFile(upload)], repeatable(token))).rejects.toThrow(UploadNotReceiving)

  expect(await database.idempotency.begin(asked)).toMatchObject({ outcome: 'in_flight' })
  expect(await database.idempotency.renew(token, 60)).toBe(true)
})

test("a caller that lost the lease can't accept, renew or release", async ({ database, sql }) => {
  const asked = request()
  const late = await mine(database, asked)
  const upload = await receiving(database, asked.userId)
  await lapse(sql, asked)
  const token = await mine(database, asked)

  await expect(database.uploads.accept([goodFile(upload)], repeatable(late))).rejects.toThrow(IdempotencyLeaseLost)

  expect(await database.uploads.byId(upload.id)).toMatchObject({ state: 'receiving', finalKey: null })
  expect(await database.idempotency.renew(late, 60)).toBe(false)
  expect(await database.idempotency.release(late)).toBe(false)
  expect(await database.idempotency.renew(token, 60)).toBe(true)
})

test('an expired lease that was not taken over can still accept', async ({ database, sql }) => {
  const asked = request()
  const token = await mine(database, asked)
  const upload = await receiving(database, asked.userId)
  await lapse(sql, asked)
  expect(await database.uploads.accept([goodFile(upload)], repeatable(token))).toHaveLength(1)
})

test('of a late response and a concurrent takeover, one gets the request', async ({ database, other, sql }) => {
  for (let round = 0; round < 20; round += 1) {
    const asked = request()
    const token = await mine(database, asked)
    const upload = await receiving(database, asked.userId)
    await lapse(sql, asked)

    const [accepted, taken] = await Promise.all([
      database.uploads.accept([goodFile(upload)], repeatable(token)).catch((error) => error),
      other.idempotency.begin(asked),
    ])

    if (taken.outcome === 'mine') expect(accepted).toBeInstanceOf(IdempotencyLeaseLost)
    else expect(taken).toMatchObject({ outcome: 'done', answer: { uploads: [upload.id] } })
    expect(await database.uploads.byId(upload.id)).toMatchObject({ state: taken.outcome === 'mine' ? 'receiving' : 'received' })
  }
})

test("if the response can't be stored, the acceptance is rolled back", async ({ database }) => {
  const asked = request()
  const token = await mine(database, asked)
  const upload = await receiving(database, asked.userId)
  const answer = () => {
    throw new Error('no words')
  }
  await expect(database.uploads.accept([goodFile(upload)], { idempotency: { token, fingerprint: 'f', answer } })).rejects.toThrow(
    'no words',
  )
  expect(await database.uploads.byId(upload.id)).toMatchObject({ state: 'receiving' })
})

test('renewing extends the lease', async ({ database }) => {
  const asked = request()
  const token = await mine(database, asked)
  expect(await database.idempotency.renew(token, 3600)).toBe(true)
  expect(await database.idempotency.begin(asked)).toMatchObject({
    retryAfterSeconds: expect.toSatisfy((seconds: number) => seconds > 3500),
  })
})

test('a refused request is deleted, and can be repeated at once', async ({ database }) => {
  const asked = request()
  expect(await database.idempotency.release(await mine(database, asked))).toBe(true)
  expect(await database.idempotency.begin(asked)).toMatchObject({ outcome: 'mine' })
})

test("a stored response can't be released, and expires hours after the acceptance", async ({ database, sql }) => {
  const asked = { ...request(), keepHours: 0.5 }
  const token = await mine(database, asked)
  await sql.query(
    `update idempotency_keys set created_at = created_at - interval '20 min', expires_at = expires_at - interval '20 min'
    where user_id = $1`,
    [asked.userId],
  )
  await database.uploads.accept([goodFile(await receiving(database, asked.userId))], repeatable(token))

  expect(await database.idempotency.release(token)).toBe(false)
  const { rows } = await sql.query(
    'select round(extract(epoch from expires_at - now()) / 60)::integer as minutes, upload_ids from idempotency_keys where user_id = $1',
    [asked.userId],
  )
  expect(rows).toMatchObject([{ minutes: 30, upload_ids: [expect.any(String)] }])
})

test('an expired response is ignored', async ({ database, sql }) => {
  const asked = request()
  await database.uploads.accept([goodFile(await receiving(database, asked.userId))], repeatable(await mine(database, asked)))
  await expire(sql, asked)
  expect(await database.idempotency.begin(asked)).toMatchObject({ outcome: 'mine' })
})

test('pruning removes a bounded number of expired requests, and none with a lease', async ({ database, sql }) => {
  await sql.query('truncate idempotency_keys')
  const [live, kept, ...expired] = [request(), request(), request(), request(), request()]
  for (const asked of [live, kept, ...expired]) await mine(database, asked)
  for (const asked of expired) await lapse(sql, asked)
  for (const asked of [live, ...expired]) await expire(sql, asked)

  expect([await database.idempotency.prune(2), await database.idempotency.prune(2), await database.idempotency.prune(2)]).toEqual([2, 1, 0])

  for (const asked of [live, kept]) expect(await database.idempotency.begin(asked)).toMatchObject({ outcome: 'in_flight' })
})

test('a row that disappears between two reads is read again', async ({ database, other }) => {
  const asked = request()
  const outcomes: string[] = []
  await Promise.all(
    [database, other].map(async (gateway) => {
      for (let i = 0; i < 100; i += 1) {
        const beginning = await gateway.idempotency.begin(asked)
        outcomes.push(beginning.outcome)
        if (beginning.outcome === 'mine') expect(await gateway.idempotency.release(beginning.token)).toBe(true)
      }
    }),
  )
  expect(outcomes).toHaveLength(200)
  expect(new Set(outcomes)).not.toContain('done')
})
