import { randomUUID } from 'node:crypto'
import { waitFor } from '@airlock/testkit'
import { expect } from 'vitest'
import { type Airlock, test } from '../airlock.ts'

const partitions = async ({ servers }: Airlock): Promise<string[]> => {
  const sql = "select inhrelid::regclass::text as name from pg_inherits where inhparent = 'asset_access_log'::regclass order by name"
  return (await servers.sql.query(sql)).rows.map(({ name }) => name)
}

test('a worker creates future months of the access log, and drops old ones', async ({ airlock }) => {
  const { sql } = airlock.servers
  await sql.query(
    `create table asset_access_log_2020_01 partition of asset_access_log for values from ('2020-01-01 00:00:00+00') to ('2020-02-01 00:00:00+00')`,
  )

  airlock.startsWorker({ upkeep: { everySeconds: 3600, accessLogDays: 400, eventDays: 30 } })

  await waitFor(async () => (await partitions(airlock)).length === 4, { what: 'three months beside the rest' })
  expect(await partitions(airlock)).not.toContain('asset_access_log_2020_01')
  await waitFor(async () => airlock.log.withMessage('access log maintained').length === 1, { what: 'its log entry' })
  expect(airlock.log.withMessage('access log maintained')).toMatchObject([{ dropped: ['asset_access_log_2020_01'] }])
})

test('a worker removes expired responses of idempotent requests, and keeps the others', async ({ airlock }) => {
  const { sql } = airlock.servers
  const userId = randomUUID()
  const insert = `
    insert into idempotency_keys (user_id, key, token, state, fingerprint, answer, lease_until, expires_at)
    select $1, $2 || n, gen_random_uuid(), 'done', 'f', '{}', now(), now() + make_interval(hours => $3) from generate_series(1, $4) as n`
  await sql.query(insert, [userId, 'old', -1, 1500])
  await sql.query(insert, [userId, 'new', 1, 2])

  airlock.startsWorker()

  await waitFor(async () => airlock.log.withMessage('stored responses of idempotent requests deleted').length === 1, {
    what: 'the pruning',
  })
  expect((await sql.query('select key from idempotency_keys order by key')).rows).toEqual([{ key: 'new1' }, { key: 'new2' }])
  expect(airlock.log.withMessage('stored responses of idempotent requests deleted')).toMatchObject([{ pruned: 1500 }])
})

test('a worker removes events older than EVENT_DAYS in batches, and keeps the others', {
  meta: { id: 'events-pruned-in-batches' },
}, async ({ airlock }) => {
  const { sql, database } = airlock.servers
  const insert = `
    insert into events (type, upload_id, sequence, user_id, payload, position, positioned_at)
    select 'asset.deleted', gen_random_uuid(), 1, gen_random_uuid(), '{}', n, now() - make_interval(days => case when n <= 1500 then 31 else 29 end)
    from generate_series(1, 1502) as n`
  await sql.query(insert)
  await sql.query('insert into event_relay (last_position) values (1502)')

  airlock.startsWorker()

  await waitFor(async () => airlock.log.withMessage('old events deleted').length === 1, { what: 'the pruning' })
  expect(airlock.log.withMessage('old events deleted')).toMatchObject([{ pruned: 1500 }])
  const { events, removed, last } = await database.events.after({ after: 0, limit: 10 })
  expect({ positions: events.map(({ position }) => position), removed, last }).toEqual({
    positions: [1501, 1502],
    removed: 1500,
    last: 1502,
  })
})

test('a worker removes rows of the log of operators after 400 days, and keeps the others', async ({ airlock }) => {
  const { sql } = airlock.servers
  await sql.query('truncate ops_log')
  await sql.query(
    `insert into ops_log (at, operator, action) select now() - make_interval(days => days), 'ada', 'pause' from unnest(array[401, 399]) as days`,
  )

  airlock.startsWorker()

  await waitFor(async () => airlock.log.withMessage('old rows of the log of operators deleted').length === 1, { what: 'the pruning' })
  expect((await sql.query(`select extract(day from now() - at)::int as days from ops_log`)).rows).toEqual([{ days: 399 }])
})

test("months that can't be created are logged, and a failed maintenance run is repeated", {
  meta: { id: 'partition-upkeep-fails' },
}, async ({ airlock }) => {
  const { database } = airlock.servers
  let runs = 0
  const accessLog = {
    ...database.accessLog,
    maintain: async () => {
      runs += 1
      if (runs === 1) throw new Error('Postgres is unavailable')
      return { ran: true, created: [], dropped: [], moved: 0, deleted: 0, notCreated: ['asset_access_log_2026_11'] }
    },
  }
  airlock.startsWorker({ database: { ...database, accessLog }, upkeep: { everySeconds: 0.02, accessLogDays: 400, eventDays: 30 } })

  await waitFor(async () => runs > 1, { what: 'a second upkeep' })
  await airlock.stopsAll()
  expect(airlock.log.withMessage('upkeep failed, the next run retries')).toHaveLength(1)
  expect(airlock.log.withMessage('default partition of the access log has too many entries to move in one run')[0]).toMatchObject({
    notCreated: ['asset_access_log_2026_11'],
  })
})
