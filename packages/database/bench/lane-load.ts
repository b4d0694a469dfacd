import { loadStatement } from '../src/uploads/load.ts'
import { heavyUser, measurePages } from './pages.ts'

/** How long the numbers of the lane metrics take when a million uploads have ended and a hundred thousand wait. */

const ended = 1_000_000
const waiting = 100_000
/** Not due yet; claimed, one in ten with an expired lease; parked; on their way in. */
const others = { delayed: 5000, processing: 200, parked: 1000, receiving: 200 }

const columns = `id, user_id, state, door, asset_type, original_filename, declared_type, detected_type, quarantine_key, final_key, size_bytes,
  content_hash, etag, nonce, attempt, created_at, updated_at`

const kind = `case n % 10 when 0 then 'lora_training' when 1 then 'generated_video' else 'brand_image' end`

/** The values of `columns` for rows `made (n, state, moment)`. Ids and keys rise, which fills the indexes quickly. */
const values = `('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, '${heavyUser}', state, 'form', ${kind}, 'picture ' || n || '.png', 'image/png', 'image/png',
  'quarantine/' || lpad(n::text, 9, '0'), case when state <> 'receiving' then 'bench/' || lpad(n::text, 9, '0') end,
  1000 + n, repeat('0123', 16), '"etag"', 'nonce', 1, moment, moment`

await measurePages<Record<string, never>>({
  about: `${ended} ended uploads, ${waiting} that wait`,
  async fill(sql) {
    await sql.query('set session_replication_role = replica') // rows as they are, without the way there
    await sql.query(
      `insert into uploads (${columns}, received_at, processing_at, completed_at)
       select ${values}, moment, moment, moment
       from (select n, 'completed' as state, now() - make_interval(secs => $1 - n) as moment
         from generate_series(1, $1::integer) as n) as made`,
      [ended],
    )
    // Each was first on its way in, as in a burst.
    await sql.query(
      `insert into uploads (${columns})
       select ${values}
       from (select n, 'receiving' as state, now() - interval '1 hour' as moment from generate_series($1::integer + 1, $1 + $2) as n) as made`,
      [ended, waiting + Object.values(others).reduce((sum, count) => sum + count)],
    )
    const become = (count: number, changes: string) =>
      sql.query(
        `update uploads set ${changes}, received_at = now(), final_key = 'bench/' || id where id in (select id from uploads where state = 'receiving' order by id limit ${count})`,
      )
    const received = `state = 'received', updated_at = now() - make_interval(secs => (size_bytes % 600)::integer)`
    await become(waiting, received)
    await become(others.delayed, `${received}, next_attempt_at = now() + interval '1 hour'`)
    const claimed = `state = 'processing', processing_at = now()`
    await become(
      others.processing,
      `${claimed}, lease_until = now() + case when size_bytes % 10 = 0 then -1 else 1 end * interval '1 hour'`,
    )
    await become(
      others.parked,
      `state = 'parked', processing_at = now(), parked_at = now(),
      error_code = 'processing_failed', error_title = 'Failed', error_detail = 'Failed.'`,
    )
    await sql.query('set session_replication_role = origin')
    await sql.query('vacuum analyze uploads') // as Postgres does by itself, see the migration
  },
  queries: { 'load of all lanes': () => ({}) },
  ask: (database) => database.load(),
  statement: () => ({ sql: loadStatement, parameters: [] }),
})
