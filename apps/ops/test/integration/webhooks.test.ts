import { randomUUID } from 'node:crypto'
import { type Database, openDatabase } from '@airlock/database'
import { deleteAllRows, isolatedDatabase } from '@airlock/testkit'
import { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { UsageError } from '../../src/command.ts'
import { webhooksCommand } from '../../src/commands/webhooks.ts'

const [desk, shop] = ['desk.example.com#00000001', 'shop.example.com#00000002']
const silent = { info: () => {}, warn: () => {} }

let env: Record<string, string>
let sql: Client
let database: Database
const ends: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  const place = await isolatedDatabase()
  sql = new Client({ connectionString: place.url })
  await sql.connect()
  env = { DATABASE_URL: place.url }
  const options = { poolSize: 2, statementTimeoutMs: 5000, connectTimeoutMs: 3000, applicationName: 'airlock-tests', log: silent }
  database = await openDatabase({ url: place.url, ...options })
  ends.push(
    () => database.close(),
    () => sql.end(),
    place.drop,
  )
})
afterAll(async () => {
  for (const end of ends) await end()
})
beforeEach(async () => {
  await deleteAllRows(sql)
})

async function runs(...args: string[]) {
  const [out, err]: [string[], string[]] = [[], []]
  const code = await webhooksCommand.run(args, { env, out: (text) => out.push(text), err: (text) => err.push(text) })
  return { code, out, err }
}

/** Writes events whose deliveries to the endpoints are dead. @returns their ids in order */
async function dead(count: number, endpoints: readonly string[]): Promise<string[]> {
  const { webhooks, eventRelay } = database
  await webhooks.register(endpoints)
  await sql.query(
    `insert into events (type, upload_id, sequence, user_id, payload)
     select 'upload.completed', gen_random_uuid(), 1, gen_random_uuid(), '{}' from generate_series(1, $1)`,
    [count],
  )
  await eventRelay.place({ limit: 10_000 })
  for (const endpoint of endpoints) {
    await webhooks.fanOut(endpoint, { limit: 10_000 })
    await sql.query(
      `update webhook_deliveries set state = 'dead', ended_at = now(), attempts = 20, last_error = 'answered 500' where endpoint = $1`,
      [endpoint],
    )
  }
  return (await sql.query('select id from events order by position')).rows.map(({ id }) => id)
}

test('without endpoints the list says so', async () => {
  expect(await runs()).toEqual({ code: 0, err: [], out: ['No event has been published to an endpoint yet.'] })
  await expect(runs('list', '--endpoint', shop)).rejects.toThrow(`Endpoint '${shop}' does not exist; there are none`)
  expect(JSON.parse((await runs('--json')).out.join('\n'))).toEqual({ dead_letters: [], has_more: false, endpoints: [] })
})

test('the list contains the state of each endpoint, and its dead deliveries with reasons', async () => {
  const [first, second] = await dead(2, [desk, shop])
  const { code, out, err } = await runs()
  expect({ code, err }).toEqual({ code: 0, err: [] })
  expect(out.slice(0, 2)).toEqual([`${desk}: 0 pending, 0 delivered, 2 dead`, `${shop}: 0 pending, 0 delivered, 2 dead`])
  expect(out[2]).toMatch(new RegExp(`^\\S+Z ${desk} ${first} upload.completed upload=\\S{36} attempts=20 answered 500$`))
  expect(out.slice(2).map((line) => line.split(' ').slice(1, 3))).toEqual([
    [desk, first],
    [desk, second],
    [shop, first],
    [shop, second],
  ])
  expect((await runs('list', '--endpoint', shop)).out).toHaveLength(3)
  const { dead_letters: letters, ...rest } = JSON.parse((await runs('list', '--endpoint', shop, '--limit', '1', '--json')).out.join('\n'))
  expect(letters).toMatchObject([{ endpoint: shop, event_id: first, attempts: 20, last_error: 'answered 500', failing_since: null }])
  expect(rest).toEqual({ has_more: true, endpoints: [{ endpoint: shop, pending: 0, delivered: 0, dead: 2 }] })
})

test('a long list is shortened with a note', async () => {
  await dead(1001, [shop])
  const { out, err } = await runs()
  expect(out).toHaveLength(1 + 100)
  expect(err).toEqual(['100 of 1001 listed; use --limit for more'])
  expect(new Set((await runs('--limit', '2000')).out).size).toBe(1 + 1001)
})

test('one event, all of one endpoint, or all can be replayed', async () => {
  const [first = ''] = await dead(1001, [desk, shop])
  expect(await runs('replay', first, '--endpoint', shop)).toEqual({ code: 0, err: [], out: ['1 event will be delivered again'] })
  expect(await runs('replay', '--all', '--endpoint', shop)).toMatchObject({ code: 0, out: ['1000 events will be delivered again'] })
  expect((await runs('list', '--limit', '1')).out.slice(0, 2)).toEqual([
    `${desk}: 0 pending, 0 delivered, 1001 dead`,
    `${shop}: 1001 pending, 0 delivered, 0 dead`,
  ])
  expect((await runs('replay', '--all')).out).toEqual(['1001 events will be delivered again'])
  expect(JSON.parse((await runs('replay', '--all', '--json')).out.join('\n'))).toEqual({ replayed: 0 })
  const logged = await sql.query(`select count(*)::int, count(distinct upload_id)::int as uploads from ops_log where action = 'replay'`)
  expect(logged.rows).toEqual([{ count: 1 + 1000 + 1001, uploads: 1001 }])
})

test('an unknown event is reported', async () => {
  const id = randomUUID()
  expect(await runs('replay', id)).toEqual({ code: 1, out: [], err: [`No endpoint has event ${id} as dead or delivered.`] })
})

test.for([
  [['replay'], 'replay takes the id of an event, or --all'],
  [['replay', randomUUID(), '--all'], 'replay takes the id of an event, or --all'],
  [['replay', 'all'], `'all' is not an event id: a UUID, as in the list`],
  [['replay', '--all', '--limit', '1'], 'replay takes no --limit'],
  [['list', '--all'], 'list takes only --endpoint, --limit and --json'],
  [['list', '--limit', '0'], `--limit is '0': a whole number from 1 to 10000`],
  [['forget'], `'webhooks forget' does not exist: list or replay`],
  [['replay', randomUUID(), 'now'], `unexpected arguments: now`],
] as const)('%j is a usage error with a remedy', async ([args, message], { expect }) => {
  await expect(runs(...args)).rejects.toThrow(new UsageError(message))
})
