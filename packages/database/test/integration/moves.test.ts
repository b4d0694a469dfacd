import { mayMove, moves, type UploadState, uploadStates } from '@airlock/domain'
import type { Client } from 'pg'
import { expect } from 'vitest'
import { test } from '../database-test.ts'
import { newUpload, plenty } from '../samples.ts'

/** Writes a state that satisfies all other checks of the table, so that only the table of moves can refuse it. */
const move = (sql: Client, id: string, state: UploadState) =>
  sql.query(
    `update uploads set
       state = $2, attempt = attempt + ($2 = 'processing')::integer,
       asset_type = 'brand_image', detected_type = 'image/png', size_bytes = 1, content_hash = repeat('a', 64), etag = 'e',
       final_key = case when $2 in ('receiving', 'abandoned') then final_key else 'brand-images/' || id end,
       received_at = case when $2 in ('receiving', 'abandoned') then received_at else now() end,
       lease_until = case when $2 = 'processing' then now() + interval '1 minute' end,
       processing_at = now(), completed_at = now(), rejected_at = now(), abandoned_at = now(), parked_at = now(),
       error_code = case when $2 in ('rejected', 'abandoned', 'parked') then 'cancelled' end,
       error_title = case when $2 in ('rejected', 'abandoned', 'parked') then 'Cancelled' end,
       error_detail = case when $2 in ('rejected', 'abandoned', 'parked') then 'Cancelled.' end
     where id = $1`,
    [id, state],
  )

/** The shortest path of legal moves from `receiving` to a state. */
function wayTo(state: UploadState, ways: UploadState[][] = [['receiving']]): UploadState[] {
  const there = ways.find((way) => way.at(-1) === state)
  if (there) return there.slice(1)
  return wayTo(
    state,
    ways.flatMap((way) => moves[way.at(-1) as UploadState].map((next) => [...way, next])),
  )
}

const pairs = uploadStates
  .flatMap((from) => uploadStates.map((to) => ({ from, to })))
  .filter(({ from, to }) => from !== to || mayMove(from, to))

test.for(pairs)('the database allows $from → $to exactly if the domain does', async ({ from, to }, { database, sql, expect }) => {
  const upload = newUpload()
  await database.uploads.register(upload, plenty)
  for (const state of wayTo(from)) await move(sql, upload.id, state)

  const moved = move(sql, upload.id, to)

  if (mayMove(from, to)) {
    await moved
    expect(await database.uploads.byId(upload.id)).toMatchObject({ state: to })
  } else {
    await expect(moved).rejects.toMatchObject({ code: '23514', constraint: 'uploads_legal_moves' })
    expect(await database.uploads.byId(upload.id)).toMatchObject({ state: from })
  }
})

test.for(uploadStates.filter((state) => state !== 'receiving'))("an upload can't begin as %s", async (state, { sql, expect }) => {
  const upload = newUpload()
  const inserted = sql.query(
    `insert into uploads (id, user_id, state, door, original_filename, declared_type, quarantine_key, nonce)
     values ($1, $2, $3, 'form', 'a.png', 'image/png', $4, 'n')`,
    [upload.id, upload.userId, state, upload.quarantineKey],
  )
  await expect(inserted).rejects.toMatchObject({ constraint: 'uploads_legal_moves' })
})

test('the table allows exactly the states of the domain', async ({ sql }) => {
  const { rows } = await sql.query(`select prosrc from pg_proc where proname = 'uploads_guard'`)
  const check = /when not \((.*)\) then 'uploads_state_known'/s.exec(rows[0].prosrc.split('uploads_source_is_whole').at(-1))
  const known = [...(check?.[1] ?? '').matchAll(/'(\w+)'/g)].map((match) => match[1])
  expect(known.sort()).toEqual([...uploadStates].sort())
})

const attempts = [
  { what: 'without a claim', change: 'attempt = attempt + 1' },
  { what: 'by two steps', change: `state = 'processing', attempt = attempt + 2, processing_at = now(), lease_until = now()` },
  { what: 'by a claim that does not increase it', change: `state = 'processing', processing_at = now(), lease_until = now()` },
]
test.for(attempts)("the attempt number can't change $what", async ({ change }, { database, sql, expect }) => {
  const upload = newUpload()
  await database.uploads.register(upload, plenty)
  await move(sql, upload.id, 'received')
  const changed = sql.query(`update uploads set ${change} where id = $1`, [upload.id])
  await expect(changed).rejects.toMatchObject({ constraint: 'uploads_legal_moves' })
})

const identity = [
  'user_id = gen_random_uuid()',
  `quarantine_key = 'quarantine/other'`,
  `final_key = 'brand-images/other'`,
  'final_key = null',
]
test.for(identity)('an accepted upload keeps its owner and its keys, even with %s', async (change, { database, sql, expect }) => {
  const upload = newUpload()
  await database.uploads.register(upload, plenty)
  await move(sql, upload.id, 'received')
  const changed = sql.query(`update uploads set ${change} where id = $1`, [upload.id])
  await expect(changed).rejects.toMatchObject({ constraint: 'uploads_identity_fixed' })
})

const nonsense = [
  { state: 'received', change: 'size_bytes = null', constraint: 'uploads_accepted_is_whole' },
  { state: 'received', change: 'content_hash = null', constraint: 'uploads_accepted_is_whole' },
  { state: 'received', change: 'etag = null', constraint: 'uploads_accepted_is_whole' },
  { state: 'received', change: 'asset_type = null', constraint: 'uploads_accepted_is_whole' },
  { state: 'received', change: 'detected_type = null', constraint: 'uploads_accepted_is_whole' },
  { state: 'received', change: 'received_at = null', constraint: 'uploads_accepted_is_whole' },
  { state: 'received', change: 'size_bytes = 0', constraint: 'uploads_size_positive' },
  { state: 'received', change: `content_hash = 'd41d8cd98f00b204e9800998ecf8427e'`, constraint: 'uploads_hash_is_sha256' },
  { state: 'received', change: 'lease_until = now()', constraint: 'uploads_lease_while_processing' },
  { state: 'received', change: `error_code = 'cancelled'`, constraint: 'uploads_refusal_is_whole' },
  {
    state: 'received',
    change: `error_code = 'cancelled', error_title = 'Cancelled', error_detail = 'Cancelled.'`,
    constraint: 'uploads_refusal_when_refused',
  },
  { state: 'receiving', change: `final_key = 'brand-images/early'`, constraint: 'uploads_final_key_from_acceptance' },
  { state: 'receiving', change: `door = 'window'`, constraint: 'uploads_door_known' },
  { state: 'processing', change: 'lease_until = null', constraint: 'uploads_lease_while_processing' },
  { state: 'processing', change: 'processing_at = null', constraint: 'uploads_processed_was_claimed' },
  { state: 'completed', change: 'completed_at = null', constraint: 'uploads_end_is_dated' },
  { state: 'rejected', change: 'rejected_at = null', constraint: 'uploads_end_is_dated' },
  { state: 'abandoned', change: 'abandoned_at = null', constraint: 'uploads_end_is_dated' },
  { state: 'parked', change: 'parked_at = null', constraint: 'uploads_end_is_dated' },
] as const
test.for(nonsense)("a row that is $state can't have $change", async ({ state, change, constraint }, { database, sql, expect }) => {
  const upload = newUpload()
  await database.uploads.register(upload, plenty)
  for (const step of wayTo(state)) await move(sql, upload.id, step)
  const changed = sql.query(`update uploads set ${change} where id = $1`, [upload.id])
  await expect(changed).rejects.toMatchObject({ code: '23514', constraint })
})
