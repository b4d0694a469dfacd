import { randomUUID } from 'node:crypto'
import type { Client } from 'pg'
import { expect, onTestFinished } from 'vitest'
import { type AccessEntry, maxAccessEntries, migrate } from '../../src/index.ts'
import { connected, emptyTest, openAt, silent, test } from '../database-test.ts'
import { promoted } from '../samples.ts'

const access = (given: Partial<AccessEntry> = {}): AccessEntry => ({
  userId: randomUUID(),
  assetId: randomUUID(),
  action: 'presign',
  result: 'granted',
  hours: 24,
  requestId: 'request-1',
  ipHash: null,
  at: new Date(),
  ...given,
})

const entriesOf = async (sql: Client, assetId: string) =>
  (await sql.query('select * from asset_access_log where asset_id = $1 order by action', [assetId])).rows

test('every access is logged, granted or refused', async ({ database, sql }) => {
  const assetId = randomUUID()
  const granted = access({ assetId, at: new Date('2026-11-24T12:00:00.123Z'), ipHash: 'ab12' })
  const refused = access({ assetId, action: 'read', result: 'not_yours', hours: null, requestId: null })
  await database.accessLog.write([granted, refused])
  const rows = [granted, refused].map(({ userId, action, result, hours, requestId, ipHash, at }) => ({
    at,
    user_id: userId,
    asset_id: assetId,
    action,
    result,
    hours,
    request_id: requestId,
    ip_hash: ipHash,
  }))
  expect(await entriesOf(sql, assetId)).toEqual(rows)
})

test('text that is too long or contains characters that Postgres refuses is shortened or replaced', async ({ database, sql }) => {
  const entry = access({ action: 'a'.repeat(50), result: 'b\0', requestId: 'c'.repeat(300), ipHash: 'd'.repeat(200) })
  await database.accessLog.write([entry])
  expect(await entriesOf(sql, entry.assetId)).toMatchObject([
    { action: 'a'.repeat(40), result: 'b\u{fffd}', request_id: 'c'.repeat(200), ip_hash: 'd'.repeat(128) },
  ])
})

test('a batch of the maximum size is written, and a larger one is an error', async ({ database, sql }) => {
  const assetId = randomUUID()
  const entries = Array.from({ length: maxAccessEntries }, () => access({ assetId }))
  await database.accessLog.write(entries)
  expect(await entriesOf(sql, assetId)).toHaveLength(maxAccessEntries)
  await expect(database.accessLog.write([...entries, access()])).rejects.toThrow(RangeError)
  await database.accessLog.write([])
})

test("a granted access updates an asset's last use, at most once an hour", async ({ database, sql }) => {
  const { id } = await promoted(database)
  const lastUse = async () => (await database.assets.byId(id))?.lastAccessedAt
  await database.accessLog.write([access({ assetId: id, result: 'not_yours' })])
  expect(await lastUse()).toBeNull()

  await database.accessLog.write([access({ assetId: id }), access({ assetId: id })])
  const first = await lastUse()
  expect(first).toBeInstanceOf(Date)
  await database.accessLog.write([access({ assetId: id })])
  expect(await lastUse()).toEqual(first)

  await sql.query(`update assets set last_accessed_at = last_accessed_at - interval '1 hour' where id = $1`, [id])
  await database.accessLog.write([access({ assetId: id })])
  expect(await lastUse()).toSatisfy((use: Date) => use.getTime() >= (first?.getTime() ?? 0))
})

test('an access removes the mark of an unused asset, even within the hour', async ({ database, sql }) => {
  const { id } = await promoted(database)
  await sql.query(`update assets set expiring_at = now() + interval '7 days', last_accessed_at = now() where id = $1`, [id])
  await database.accessLog.write([access({ assetId: id })])
  expect(await database.assets.byId(id)).toMatchObject({ expiringAt: null })
})

test('logging an access does not wait for a locked asset', { meta: { id: 'access-log-skips-locked' } }, async ({ database, url, sql }) => {
  const [locked, free] = [await promoted(database), await promoted(database)]
  const blocker = await connected(url)
  onTestFinished(() => blocker.end())
  await blocker.query('begin')
  await blocker.query('select from assets where id = $1 for update', [locked.id])

  await database.accessLog.write([access({ assetId: locked.id }), access({ assetId: free.id })])

  expect(await entriesOf(sql, locked.id)).toHaveLength(1)
  expect(await database.assets.byIds([locked.id, free.id])).toMatchObject([{ lastAccessedAt: null }, { lastAccessedAt: expect.any(Date) }])
})

/** Like test, with a separate database, because months are created and dropped. */
const monthsTest = emptyTest.extend('database', async ({ url, log }, { onCleanup }) => {
  await migrate({ url, log })
  const database = await openAt(url)
  onCleanup(() => database.close())
  return database
})

/** The partitions of the log and how many entries each holds. */
async function partitions(sql: Client): Promise<Record<string, number>> {
  const { rows } = await sql.query(
    `select inhrelid::regclass::text as name, (select count(*)::integer from asset_access_log where tableoid = inhrelid) as entries
     from pg_inherits where inhparent = 'asset_access_log'::regclass order by 1`,
  )
  return Object.fromEntries(rows.map(({ name, entries }) => [name, entries]))
}

/** The partition of the month `from` months after now, by the database's clock. */
async function month(sql: Client, from: number): Promise<{ name: string; first: Date }> {
  const { rows } = await sql.query(
    `select 'asset_access_log_' || to_char(first, 'YYYY_MM') as name, first at time zone 'UTC' as first
     from (select date_trunc('month', now() at time zone 'UTC') + make_interval(months => $1) as first) as month`,
    [from],
  )
  return rows[0]
}

/** Creates the partition of a month, as maintain would have done. */
async function makeMonth(sql: Client, from: number): Promise<string> {
  const { name, first } = await month(sql, from)
  const next = await month(sql, from + 1)
  await sql.query(
    `create table ${name} partition of asset_access_log for values from ('${first.toISOString()}') to ('${next.first.toISOString()}')`,
  )
  return name
}

monthsTest(
  'maintenance creates partitions for this month and the next two, moves entries from the default partition, and is idempotent',
  async ({ database, sql }) => {
    const now = await month(sql, 0)
    const next = await month(sql, 1)
    const third = await month(sql, 2)
    const dates = [now.first, new Date(), new Date(third.first.getTime() - 1), third.first, (await month(sql, 3)).first]
    await database.accessLog.write(dates.map((at) => access({ at })))
    expect(await partitions(sql)).toEqual({ asset_access_log_rest: 5 })

    const names = [now.name, next.name, third.name]
    expect(await database.accessLog.maintain({ keepDays: 400 })).toEqual({
      ran: true,
      created: names,
      dropped: [],
      moved: 4,
      deleted: 0,
      notCreated: [],
    })

    const held = { [now.name]: 2, [next.name]: 1, [third.name]: 1, asset_access_log_rest: 1 }
    expect(await partitions(sql)).toEqual(held)
    expect(await database.accessLog.maintain({ keepDays: 400 })).toMatchObject({ ran: true, created: [], moved: 0 })
    await database.accessLog.write([access()])
    expect(await partitions(sql)).toEqual({ ...held, [now.name]: 3 })
  },
)

monthsTest('partitions of old months and old entries of the default partition are dropped', async ({ database, sql }) => {
  // 400 days may end in the month fourteen months ago, which then stays
  const [old, older, recent] = [await makeMonth(sql, -15), await makeMonth(sql, -16), await makeMonth(sql, -2)]
  const days = (ago: number) => new Date(Date.now() - ago * 24 * 3600 * 1000)
  await sql.query(`create table asset_access_log_2001_13 (like asset_access_log)`)
  await database.accessLog.write([access({ at: days(600) }), access({ at: days(380) })])

  expect(await database.accessLog.maintain({ keepDays: 400 })).toMatchObject({ dropped: [older, old], deleted: 1 })

  expect(await partitions(sql)).toMatchObject({ [recent]: 0, asset_access_log_rest: 1 })
  expect((await sql.query(`select to_regclass('asset_access_log_2001_13') as name`)).rows, 'what is no part of the log stays').toEqual([
    { name: 'asset_access_log_2001_13' },
  ])
})

monthsTest('ten concurrent runs of maintenance do the work of one, while others write', async ({ database, sql, url }) => {
  const others = await Promise.all(Array.from({ length: 3 }, () => openAt(url)))
  const assetId = randomUUID()
  const writing = Promise.all(Array.from({ length: 40 }, () => database.accessLog.write([access({ assetId })])))
  const upkeep = await Promise.all(Array.from({ length: 10 }, (_, i) => others[i % 3]?.accessLog.maintain({ keepDays: 400 })))
  await writing

  expect(upkeep.flatMap((done) => done?.created ?? []).toSorted()).toHaveLength(3)
  expect(await entriesOf(sql, assetId)).toHaveLength(40)
  await Promise.all(others.map((other) => other.close()))
})

monthsTest(
  'a month with too many entries in the default partition to move at once is reported, and not moved',
  async ({ database, sql }) => {
    await sql.query(
      `insert into asset_access_log (user_id, asset_id, action, result)
     select gen_random_uuid(), gen_random_uuid(), 'presign', 'granted' from generate_series(1, 20001)`,
    )
    const { name } = await month(sql, 0)
    expect(await database.accessLog.maintain({ keepDays: 400 })).toMatchObject({ notCreated: [name], created: { length: 2 }, moved: 0 })
    await database.accessLog.write([access()])
    expect(await partitions(sql)).toMatchObject({ asset_access_log_rest: 20_002 })
  },
)

monthsTest('maintenance gives up on a locked log at a timeout, and does not delay others', async ({ url, sql, database }) => {
  const reader = await connected(url)
  await reader.query('begin')
  await reader.query('select from asset_access_log')
  const maintaining = database.accessLog.maintain({ keepDays: 400 })
  await expect(maintaining).rejects.toMatchObject({ name: 'DatabaseUnavailable', message: expect.stringContaining('lock timeout') })
  await reader.end()
  expect(await partitions(sql)).toEqual({ asset_access_log_rest: 0 })
  expect(await database.accessLog.maintain({ keepDays: 400 })).toMatchObject({ created: { length: 3 } })
})

monthsTest('partitions do not depend on the time zone of the server', async ({ url, sql }) => {
  await migrate({ url, log: silent })
  await sql.query(`do $$ begin execute format('alter database %I set timezone = %L', current_database(), 'Pacific/Kiritimati'); end $$`)
  const database = await openAt(url)
  const [now, next] = [await month(sql, 0), await month(sql, 1)]
  await database.accessLog.maintain({ keepDays: 400 })
  await database.accessLog.write([access({ at: now.first }), access({ at: new Date(next.first.getTime() - 1) })])
  expect(await partitions(sql)).toMatchObject({ [now.name]: 2, asset_access_log_rest: 0 })
  await database.close()
})
