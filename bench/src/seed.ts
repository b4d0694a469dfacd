import type pg from 'pg'

/** The user who owns all rows that a benchmark has made. */
export const seededUser = '00000000-0000-4000-8000-000000000000'

/** When the first of them was made. Each follows the one before after 400 ms. */
export const seededFrom = new Date('2026-01-01T00:00:00Z')
export const seededEveryMs = 400

/**
 * Adds finished uploads with their assets, as rows only: there are no objects.
 *
 * @param from the number of those that there are, from earlier calls
 * @param to the number of those that there will be
 */
export async function seedFinished(sql: pg.Client, from: number, to: number): Promise<void> {
  const id = `('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid`
  const moment = `'${seededFrom.toISOString()}'::timestamptz + n * interval '${seededEveryMs} ms'`
  const key = `'brand-images/${seededUser}/' || lpad(n::text, 9, '0')`
  const kind = `case when n % 10 = 0 then 'generated_video' else 'brand_image' end`
  const range = [from + 1, to]
  await sql.query('set session_replication_role = replica') // rows as they end, without the moves before
  await sql.query(
    `insert into uploads (id, user_id, state, door, asset_type, original_filename, declared_type, detected_type, quarantine_key, final_key, size_bytes,
       content_hash, etag, nonce, attempt, created_at, updated_at, received_at, processing_at, completed_at)
     select ${id}, '${seededUser}', 'completed', 'form', ${kind}, 'picture ' || n || '.png', 'image/png', 'image/png', 'quarantine/' || lpad(n::text, 9, '0'),
       ${key}, 1000 + n, repeat('0123', 16), '"etag"', 'nonce', 1, moment, moment, moment, moment, moment
     from (select n, ${moment} as moment from generate_series($1::integer, $2::integer) as n) as made`,
    range,
  )
  await sql.query(
    `insert into assets (user_id, upload_id, s3_key, original_filename, file_size, mime_type, asset_type, metadata, created_at)
     select '${seededUser}', ${id}, ${key}, 'picture ' || n || '.png', 1000 + n, 'image/png', ${kind},
       '{"content_hash": "0123456789012345678901234567890123456789012345678901234567890123", "facts": {"width": 640, "height": 480}}', ${moment}
     from generate_series($1::integer, $2::integer) as n`,
    range,
  )
  await sql.query('set session_replication_role = origin')
  await sql.query('vacuum analyze uploads, assets') // as Postgres does by itself
  await sql.query('checkpoint') // so that what follows does not pay for writing these rows
}
