import { randomUUID } from 'node:crypto'
import { deleteAllRows } from '@airlock/testkit'
import type { Client } from 'pg'
import { beforeEach, expect } from 'vitest'
import type { Database } from '../../src/index.ts'
import { test } from '../database-test.ts'
import { claim, lapse, received } from '../samples.ts'

const images = { lane: 'images', assetTypes: ['brand_image'], excludedUsers: [] } as const
const idsOfUsers = (count: number): string[] => Array.from({ length: count }, () => randomUUID()).sort()

const uploadsOf = async (database: Database, userId: string, count: number) => {
  const uploads = []
  for (let i = 0; i < count; i++) uploads.push(await received(database, { userId }))
  return uploads
}

beforeEach<{ sql: Client }>(async ({ sql }) => {
  await deleteAllRows(sql)
})

test('the upload of a user without running uploads precedes those of a user with running ones', async ({ database }) => {
  const [flooder, other] = idsOfUsers(2) as [string, string]
  const [first, second] = await uploadsOf(database, flooder, 30)
  const [single] = await uploadsOf(database, other, 1)
  await claim(database, first?.id ?? '')

  expect(await database.uploads.nextInTurn(second?.id ?? '', images)).toEqual({
    userId: flooder,
    next: { uploadId: single?.id, userId: other, priority: null },
  })
  expect(await database.uploads.nextInTurn(single?.id ?? '', images)).toEqual({ userId: other, next: null })
})

test('with one slot, users are served in rotation, whichever of their uploads wakes the worker', async ({ database }) => {
  const users = idsOfUsers(3)
  const flood = new Map<string, string[]>()
  for (const user of users)
    flood.set(
      user,
      (await uploadsOf(database, user, user === users[0] ? 6 : 2)).map(({ id }) => id),
    )
  const served: string[] = []
  for (let i = 0; i < 10; i++) {
    // the worker is always woken for an upload of the first user as long as one waits
    const woken = flood.get(users[0] ?? '')?.[0] ?? ''
    const turn = await database.uploads.nextInTurn(woken, images)
    const uploadId = turn?.next?.uploadId ?? woken
    if (turn?.next) expect(await database.uploads.nextInTurn(uploadId, images)).toMatchObject({ next: null })
    const user = turn?.next?.userId ?? users[0] ?? ''
    flood.set(user, flood.get(user)?.filter((id) => id !== uploadId) ?? [])
    const mine = await claim(database, uploadId)
    await database.uploads.park(mine, { code: 'processing_failed', error: 'e', detail: 'd' }, 'done')
    served.push(user)
    if (flood.get(users[0] ?? '')?.length === 0) break
  }
  const [one, two, three] = users
  expect(served.slice(0, 6).sort()).toEqual([one, one, two, two, three, three])
  expect(served.slice(6)).toEqual([one, one, one, one])
})

test('excluded users are skipped, and delayed uploads are not due', async ({ database, sql }) => {
  const [one, two, three] = idsOfUsers(3) as [string, string, string]
  const [first, second] = await uploadsOf(database, one, 2)
  await uploadsOf(database, two, 1)
  const [late] = await uploadsOf(database, three, 1)
  await sql.query(`update uploads set next_attempt_at = now() + interval '1 minute' where id = $1`, [late?.id])
  await claim(database, first?.id ?? '')
  const turnOf = (excludedUsers: string[]) => database.uploads.nextInTurn(second?.id ?? '', { ...images, excludedUsers })

  expect(await turnOf([])).toMatchObject({ next: { userId: two } })
  expect(await turnOf([two])).toMatchObject({ userId: one, next: null })
  expect(await turnOf([one])).toMatchObject({ userId: one, next: { userId: two } })
  expect(await turnOf([one, two])).toMatchObject({ userId: one, next: null })
})

test('an upload with a lease or an unknown id is not next; one with an expired lease is', async ({ database, sql }) => {
  const { id } = await received(database)
  await claim(database, id)
  expect(await database.uploads.nextInTurn(id, images)).toBeNull()
  expect(await database.uploads.nextInTurn(randomUUID(), images)).toBeNull()
  await lapse(sql, id)
  expect(await database.uploads.nextInTurn(id, images)).toMatchObject({ next: null })
})

test('each lane has its own rotation', async ({ database }) => {
  const [one, two] = idsOfUsers(2) as [string, string]
  const [first, second] = await uploadsOf(database, one, 2)
  await uploadsOf(database, two, 1)
  await claim(database, first?.id ?? '')

  expect(await database.uploads.nextInTurn(second?.id ?? '', { ...images, assetTypes: ['generated_video'] })).toMatchObject({ next: null })
})

test('ten thousand waiting uploads of one user are skipped by one index lookup', async ({ database, sql }) => {
  const [flooder, other] = idsOfUsers(2) as [string, string]
  const [first] = await uploadsOf(database, flooder, 1)
  await sql.query(
    `insert into uploads select (jsonb_populate_record(u, jsonb_build_object('id', gen_random_uuid(), 'state', 'receiving', 'attempt', 0, 'quarantine_key', 'quarantine/' || n, 'final_key', null, 'asset_type', null, 'received_at', null))).*
       from uploads u cross join generate_series(1, 10000) n where u.id = $1`,
    [first?.id],
  )
  await sql.query(
    `update uploads set state = 'received', asset_type = 'brand_image', received_at = now(), final_key = 'brand-images/' || id
       where state = 'receiving' and user_id = $1`,
    [flooder],
  )
  await sql.query('analyze uploads')
  const [single] = await uploadsOf(database, other, 1)
  await claim(database, first?.id ?? '')
  const waiting = (await sql.query(`select id from uploads where state = 'received' and user_id = $1 limit 1`, [flooder])).rows[0]?.id

  const started = performance.now()
  for (let i = 0; i < 20; i++) expect(await database.uploads.nextInTurn(waiting, images)).toMatchObject({ next: { uploadId: single?.id } })
  const tenThousand = performance.now() - started
  await sql.query(`delete from uploads where user_id = $1 and state = 'received' and id <> $2`, [flooder, waiting])
  const again = performance.now()
  for (let i = 0; i < 20; i++) await database.uploads.nextInTurn(waiting, images)
  expect(tenThousand).toBeLessThan(10 * (performance.now() - again) + 500)
})
