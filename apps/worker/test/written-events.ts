import { randomUUID } from 'node:crypto'
import type { Airlock } from './airlock.ts'

/** Deleted assets: one event each, of different uploads. */
export async function writesEvents({ servers: { sql } }: Airlock, count: number): Promise<void> {
  const userId = randomUUID()
  await sql.query('insert into users (id) values ($1)', [userId])
  await sql.query(
    `insert into assets (user_id, upload_id, s3_key, original_filename, file_size, mime_type, asset_type, metadata)
     select $1, gen_random_uuid(), 'brand-images/' || gen_random_uuid(), 'logo.png', 1, 'image/png', 'brand_image', '{}'
     from generate_series(1, $2)`,
    [userId, count],
  )
  await sql.query('delete from assets where user_id = $1', [userId])
}
