import { randomUUID } from 'node:crypto'
import { systemResolve } from '@airlock/notifications'
import type { WorkerDeps } from '../src/worker-deps.ts'
import type { Airlock } from './airlock.ts'

/** No endpoints unless a test sets some, and short delays of retries. */
export const webhookOptions: WorkerDeps['webhooks'] = {
  endpoints: [],
  resolve: systemResolve(),
  mayCall: () => true,
  concurrency: 4,
  everySeconds: 0.1,
  leaseSeconds: 30,
  timeoutMs: 10_000,
  firstRetryMs: 50,
  giveUpAfterSeconds: 3600,
}

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
