import { randomUUID } from 'node:crypto'
import type { Client } from 'pg'
import { expect } from 'vitest'
import { openAt, silent, test } from '../database-test.ts'
import { newUpload, plenty, promoted, received } from '../samples.ts'

const large = randomUUID()

/** Finished uploads with their assets, all of one user. */
async function fill(sql: Client, uploads: number): Promise<void> {
  await sql.query('set session_replication_role = replica') // rows as they ended, without the way there
  await sql.query(
    `with added as (
       insert into uploads (id, user_id, state, door, asset_type, original_filename, declared_type, detected_type, quarantine_key, final_key,
         size_bytes, content_hash, etag, nonce, attempt, created_at, received_at, processing_at, completed_at)
       select gen_random_uuid(), $1, 'completed', 'form', 'brand_image', 'a.png', 'image/png', 'image/png', 'q/' || gen_random_uuid(), 'f/' || gen_random_uuid(),
         1, repeat('a', 64), 'e', 'n', 1, now() - n * interval '1 minute', now(), now(), now()
       from generate_series(1, $2::integer) as n
       returning *)
     insert into assets (user_id, upload_id, s3_key, original_filename, file_size, mime_type, asset_type, metadata)
     select user_id, id, final_key, 'a.png', 1, 'image/png', 'brand_image', '{}' from added`,
    [large, uploads],
  )
  await sql.query('set session_replication_role = origin')
  await sql.query('vacuum analyze uploads, assets')
}

/** How many rows of these tables were read so far, and how many entries of their indexes. */
async function rowsRead(sql: Client): Promise<{ scanned: number; found: number }> {
  const { rows } = await sql.query(`
    select (select sum(seq_tup_read)::integer from pg_stat_user_tables where relname in ('uploads', 'assets')) as scanned,
      (select sum(idx_tup_read)::integer from pg_stat_user_indexes where relname in ('uploads', 'assets')) as found`)
  return rows[0]
}

/** Uploads of several users that came in since Postgres last analysed the table. */
async function addWaiting(sql: Client, uploads: number): Promise<void> {
  await sql.query('set session_replication_role = replica')
  await sql.query(
    `insert into uploads (id, user_id, state, door, asset_type, original_filename, declared_type, detected_type, quarantine_key, final_key,
       size_bytes, content_hash, etag, nonce, received_at)
     select gen_random_uuid(), md5((n % 8)::text)::uuid, 'received', 'form', 'brand_image', 'a.png', 'image/png', 'image/png', 'q/w' || n, 'f/w' || n,
       1, repeat('a', 64), 'e', 'n', now() - n * interval '1 ms'
     from generate_series(1, $1::integer) as n`,
    [uploads],
  )
  await sql.query('set session_replication_role = origin')
}

// Postgres has no statistics of uploads that have just come in, and prefers smaller indexes.
test('a turn reads few of many waiting uploads', async ({ url, sql }) => {
  await fill(sql, 50_000)
  const before = await rowsRead(sql)
  const database = await openAt(url, { poolSize: 1, log: silent })
  const lane = { lane: 'images', assetTypes: ['brand_image', 'generated_video'], excludedUsers: [] } as const
  const turns = async (count: number) => {
    const { id } = await received(database)
    for (let calls = 0; calls < count; calls += 1)
      expect(await database.uploads.nextInTurn(id, lane)).toMatchObject({ userId: expect.any(String) })
  }
  try {
    await turns(10)
    await addWaiting(sql, 10_000)
    await turns(20)
  } finally {
    await database.close()
  }
  const { scanned, found } = await rowsRead(sql)
  expect(scanned - before.scanned).toBe(0)
  expect(found - before.found).toBeLessThan(1000)
})

// Plans without the user's id expect of each user what the average has: here, all rows of the table.
test('no statement of an upload reads the whole table when one user has nearly all uploads', async ({ url, sql }) => {
  await fill(sql, 50_000)
  const before = await rowsRead(sql)
  const database = await openAt(url, { poolSize: 1, log: silent })
  try {
    // Postgres may keep a plan from the sixth call on.
    for (const userId of [large, ...Array.from({ length: 8 }, () => randomUUID())]) {
      await promoted(database, { userId })
      await received(database, { userId })
      expect(await database.uploads.register(newUpload({ userId }), { filesPerHour: 2 })).toMatchObject({ registered: false, full: 'hour' })
      const waits = await received(database, { userId })
      const turn = { lane: 'images', assetTypes: ['brand_image'], excludedUsers: [] } as const
      expect(await database.uploads.nextInTurn(waits.id, turn)).toMatchObject({ userId })
      expect(await database.uploads.register(newUpload({ userId }), plenty)).toMatchObject({ registered: true })
    }
  } finally {
    await database.close() // connections report what they read when they end
  }
  const { scanned, found } = await rowsRead(sql)
  expect(scanned - before.scanned).toBe(0)
  expect(found - before.found).toBeLessThan(2000) // some of each user, and 61 of the large one's last hour
})
