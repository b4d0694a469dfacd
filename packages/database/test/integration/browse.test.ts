import { randomUUID } from 'node:crypto'
import { type UploadState, uploadStates } from '@airlock/domain'
import type { Client } from 'pg'
import { expect } from 'vitest'
import type { BrowseOptions, Cursor, UploadRepository } from '../../src/index.ts'
import { browseStatement } from '../../src/uploads/browse.ts'
import { test } from '../database-test.ts'
import { claimed, newUpload, parked, plenty, promoted, received, tooBig } from '../samples.ts'

const all = { states: uploadStates, order: 'newest first', limit: 100 } as const

async function idsOf(uploads: UploadRepository, options: BrowseOptions): Promise<string[]> {
  const ids: string[] = []
  let after: Cursor | null = null
  do {
    const page = await uploads.browse({ ...options, after })
    expect(page.uploads.length).toBeLessThanOrEqual(options.limit)
    ids.push(...page.uploads.map(({ id }) => id))
    after = page.next
  } while (after !== null)
  return ids
}

/** The time at which an upload came to its state. */
const entersAt = (sql: Client, id: string, column: string, at: string) =>
  sql.query(`update uploads set ${column} = $2 where id = $1`, [id, at])

test.beforeEach(async ({ sql }) => {
  await sql.query('truncate uploads cascade')
})

test('uploads of all users and states are listed by the time at which they came to their state', async ({ database, sql }) => {
  const { uploads } = database
  const receiving = newUpload()
  await uploads.register(receiving, plenty)
  const waiting = await received(database)
  const processing = await claimed(database)
  const stuck = await parked(database)
  const done = (await promoted(database)).uploadId ?? ''
  const places: [string, string][] = [
    [stuck.uploadId, 'parked_at'],
    [done, 'updated_at'],
    [receiving.id, 'created_at'],
    [processing.uploadId, 'processing_at'],
    [waiting.id, 'updated_at'],
  ]
  for (const [hour, [id, column]] of places.entries()) await entersAt(sql, id, column, `2026-11-0${hour + 1}T00:00:00Z`)
  const ids = places.map(([id]) => id)

  for (const limit of [1, 2, 5, 100]) {
    expect(await idsOf(uploads, { ...all, order: 'oldest first', limit })).toEqual(ids)
    expect(await idsOf(uploads, { ...all, limit })).toEqual(ids.toReversed())
  }
  expect(await uploads.count(all, 100)).toBe(5)
  expect(await uploads.count(all, 3)).toBe(3)
  const some: UploadState[] = ['parked', 'completed', 'received']
  expect(await idsOf(uploads, { ...all, states: some })).toEqual([waiting.id, done, stuck.uploadId])

  await uploads.renewLease(processing, 60)
  expect(await idsOf(uploads, { ...all, order: 'oldest first' }), 'a renewed lease is not a move').toEqual(ids)
})

test('uploads that came to their state at the same time are listed once each', async ({ database, sql }) => {
  const ids: string[] = []
  for (let i = 0; i < 7; i += 1) ids.push((await parked(database)).uploadId)
  await sql.query(`update uploads set parked_at = '2026-11-01T00:00:00Z'`)

  expect(await idsOf(database.uploads, { ...all, limit: 3 })).toEqual(ids.toSorted().toReversed())
})

test('filters by code, user and time apply together', async ({ database, sql }) => {
  const { uploads } = database
  const userId = randomUUID()
  const [theirs, other, early] = [await parked(database, { userId }), await parked(database), await parked(database, { userId })]
  const rejected = await claimed(database, { userId })
  await uploads.reject(rejected, tooBig)
  await entersAt(sql, early.uploadId, 'parked_at', '2026-11-01T00:00:00Z')
  const at = new Date('2026-11-01T00:00:00Z')
  const code = 'processing_failed'

  expect(new Set(await idsOf(uploads, { ...all, code }))).toEqual(new Set([theirs.uploadId, other.uploadId, early.uploadId]))
  expect(await idsOf(uploads, { ...all, code, userId, since: new Date(at.getTime() + 1) })).toEqual([theirs.uploadId])
  expect(await idsOf(uploads, { ...all, code, userId, until: at })).toEqual([early.uploadId])
  expect(await idsOf(uploads, { ...all, userId, code: 'file_too_large' })).toEqual([rejected.uploadId])
  expect(await uploads.count({ states: ['parked'], userId, since: at }, 10)).toBe(2)
  await expect(uploads.browse({ ...all, limit: 501 })).rejects.toThrow(RangeError)
})

test('ten thousand parked uploads among many ended ones are walked by their index', async ({ database, sql }) => {
  const userId = randomUUID()
  await sql.query('insert into users (id) values ($1)', [userId])
  await sql.query('set session_replication_role = replica')
  await sql.query(
    `insert into uploads (id, user_id, state, door, asset_type, original_filename, declared_type, detected_type, quarantine_key, final_key,
       size_bytes, content_hash, etag, nonce, attempt, error_code, error_title, error_detail, received_at, processing_at, parked_at, completed_at)
     select id, $1, state, 'form', 'brand_image', 'a.png', 'image/png', 'image/png', 'quarantine/' || id, 'test/' || id, 1, repeat('a', 64),
       'e', 'n', 1, error, error, error, now(), now(), now() - make_interval(secs => n), now()
     from (select n, gen_random_uuid() as id, case when n <= 10000 then 'parked' else 'completed' end as state,
       case when n <= 10000 then 'processing_failed' end as error from generate_series(1, 40000) as n) as made`,
    [userId],
  )
  await sql.query('set session_replication_role = origin')
  await sql.query('analyze uploads')
  const wanted = { states: ['parked'], code: 'processing_failed', order: 'oldest first', limit: 200 } as const

  const { sql: statement, parameters } = browseStatement({ ...wanted, after: { at: new Date(0), id: userId } })
  const plan = (await sql.query(`explain ${statement}`, parameters)).rows.map((row) => row['QUERY PLAN']).join('\n')

  expect(plan).toContain('uploads_parked')
  expect(plan).not.toContain('Seq Scan')
  expect(new Set(await idsOf(database.uploads, { ...wanted, limit: 500 })).size).toBe(10_000)
  expect(await database.uploads.count(wanted, 100_000)).toBe(10_000)
})
