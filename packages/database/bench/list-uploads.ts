import type { UploadCursor, UploadListOptions } from '../src/index.ts'
import { uploadListStatement } from '../src/uploads/list.ts'
import { formerUser, heavyUser, measurePages } from './pages.ts'

/** Measures pages of jobs in a table with a million uploads of one user, and some of others. */

const total = 1_300_000
const begin = Date.parse('2026-01-01T00:00:00Z')

const anywhere = (): UploadCursor => ({ createdAt: new Date(begin + Math.random() * total * 0.4), id: crypto.randomUUID() })

await measurePages<UploadListOptions>({
  about: `${total} uploads, three quarters of one user`,
  // In the order of their creation. One in seven is rejected, one in a thousand parked, one in two hundred was never accepted. Those of the
  // user who was active long ago are older than all others.
  async fill(sql) {
    await sql.query('set session_replication_role = replica') // writes final rows without their earlier moves
    await sql.query(
      `insert into uploads (id, user_id, state, door, asset_type, original_filename, declared_type, detected_type, quarantine_key, final_key,
         size_bytes, content_hash, etag, nonce, attempt, error_code, error_title, error_detail,
         created_at, received_at, processing_at, completed_at, rejected_at, parked_at, abandoned_at)
       select id, user_id, state, 'form', 'brand_image', 'picture ' || n || '.png', 'image/png', 'image/png', 'quarantine/' || id,
         case when state <> 'abandoned' then 'bench/' || n end, 1000 + n, repeat('0123', 16), '"etag"', 'nonce', 1,
         case when state <> 'completed' then 'file_corrupt' end, case when state <> 'completed' then 'File is damaged' end,
         case when state <> 'completed' then 'It is truncated.' end,
         moment, case when state <> 'abandoned' then moment end, moment, case when state = 'completed' then moment end,
         case when state = 'rejected' then moment end, case when state = 'parked' then moment end, case when state = 'abandoned' then moment end
       from (select n, gen_random_uuid() as id,
           case when n <= $2 * 0.1 then '${formerUser}' when n % 6 > 0 then '${heavyUser}'
             else '00000000-0000-4000-8000-' || lpad((2 + n % 998)::text, 12, '0') end::uuid as user_id,
           case when n % 1000 = 1 then 'parked' when n % 200 = 1 then 'abandoned' when n % 7 = 1 then 'rejected' else 'completed' end as state,
           '2026-01-01T00:00:00Z'::timestamptz + make_interval(secs => floor(n * 0.4) / 1000) as moment
         from generate_series(1, $1::integer) as n) as made`,
      [total, total],
    )
    await sql.query('set session_replication_role = origin')
    await sql.query('vacuum analyze uploads')
  },
  queries: {
    'first page': () => ({ userId: heavyUser, limit: 100 }),
    'page anywhere': () => ({ userId: heavyUser, limit: 100, before: anywhere() }),
    'page of 20': () => ({ userId: heavyUser, limit: 20, before: anywhere() }),
    rejected: () => ({ userId: heavyUser, limit: 100, status: 'rejected', before: anywhere() }),
    failed: () => ({ userId: heavyUser, limit: 100, status: 'failed' }),
    'queued, without any': () => ({ userId: heavyUser, limit: 100, status: 'queued' }),
    'since a time': () => ({ userId: heavyUser, limit: 100, since: anywhere().createdAt }),
    'since the end': () => ({ userId: heavyUser, limit: 100, since: new Date(begin + total * 0.4 - 20) }),
    'of a user of long ago': () => ({ userId: formerUser, limit: 100 }),
    'of a user among many': () => ({ userId: heavyUser.replace(/0$/, '8'), limit: 100 }),
  },
  ask: (database, options) => database.uploads.list(options),
  statement: uploadListStatement,
})
