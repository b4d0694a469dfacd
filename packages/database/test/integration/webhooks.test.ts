import { randomUUID } from 'node:crypto'
import type { Client } from 'pg'
import { expect, onTestFinished } from 'vitest'
import { type Database, type Delivery, listenForFeed } from '../../src/index.ts'
import { silent, test } from '../database-test.ts'
import { feed, forgetEvents, placeAll } from '../events.ts'
import { promoted } from '../samples.ts'

const shop = 'shop.example.com#00000001'
const desk = 'desk.example.com#00000002'
const soon = { limit: 100, leaseSeconds: 60 }
const patiently = { retryInMs: 60_000, giveUpAfterSeconds: 3600 }

test.beforeEach(async ({ sql }) => {
  await forgetEvents(sql)
})

/** Writes `count` events with positions, each of a different upload. */
async function happens(database: Database, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await promoted(database)
  await placeAll(database)
}

/** Creates unclaimed deliveries of `count` events. */
async function waiting(database: Database, count: number, endpoint = shop): Promise<void> {
  await database.webhooks.register([endpoint])
  await happens(database, count)
  await database.webhooks.fanOut(endpoint, { limit: 1000 })
}

async function taken(database: Database, count = 1): Promise<Delivery[]> {
  await waiting(database, count)
  return database.webhooks.due(shop, soon)
}

/** One millisecond ago: the column has whole milliseconds, and `now()` is rounded to one that may be still to come. */
const dueNow = (sql: Client) => sql.query(`update webhook_deliveries set next_attempt_at = now() - interval '1 ms' where state = 'pending'`)

const ids = (deliveries: readonly Delivery[]): string[] => deliveries.map(({ event }) => event.id)

test('an endpoint gets events from its registration on, however often it is registered', async ({ database }) => {
  const { webhooks } = database
  await happens(database, 2)
  await webhooks.register([])
  await webhooks.register([shop, desk])
  await happens(database, 3)
  await webhooks.register([shop])

  expect(await webhooks.fanOut(shop, { limit: 2 })).toBe(2)
  expect(await webhooks.fanOut(shop, { limit: 2 })).toBe(1)
  expect(await webhooks.fanOut(shop, { limit: 2 })).toBe(0)
  expect(await webhooks.fanOut('nobody', { limit: 2 })).toBe(0)
  expect(ids(await webhooks.due(shop, soon))).toEqual((await feed(database, 2)).map(({ id }) => id))
  expect(await webhooks.counts()).toEqual([
    { endpoint: desk, pending: 0, delivered: 0, dead: 0 },
    { endpoint: shop, pending: 3, delivered: 0, dead: 0 },
  ])
})

test('concurrent fan-outs create each delivery once', { meta: { id: 'webhook-fan-out-once' } }, async ({ database, other }) => {
  await database.webhooks.register([shop])
  await happens(database, 20)
  const made = await Promise.all(Array.from({ length: 8 }, (_, i) => (i % 2 ? database : other).webhooks.fanOut(shop, { limit: 5 })))
  expect(made.reduce((sum, count) => sum + count, 0)).toBe(20)
})

test('each delivery is claimed by one worker, and again after its lease expires', async ({ database, other, sql }) => {
  await waiting(database, 20)
  const handed = await Promise.all(
    Array.from({ length: 6 }, (_, i) => (i % 2 ? database : other).webhooks.due(shop, { limit: 4, leaseSeconds: 60 })),
  )
  const rest = await database.webhooks.due(shop, soon)
  const all = [...handed.flat(), ...rest]
  expect(new Set(ids(all)).size).toBe(20)
  expect(all).toHaveLength(20)
  expect(await other.webhooks.due(shop, soon)).toEqual([])

  await dueNow(sql)
  expect((await other.webhooks.due(shop, soon)).map(({ attempt }) => attempt)).toEqual(Array(20).fill(2))
})

test('a later event of an upload waits for the earlier delivery, at this endpoint only', async ({ database, sql }) => {
  const { webhooks } = database
  await webhooks.register([shop, desk])
  const asset = await promoted(database)
  await database.assets.delete(asset.id, { force: false })
  await placeAll(database)
  for (const endpoint of [shop, desk]) await webhooks.fanOut(endpoint, { limit: 10 })

  const [first, ...none] = await webhooks.due(shop, soon)
  expect(first?.event).toMatchObject({ type: 'upload.completed', sequence: 1 })
  expect(none).toEqual([])
  expect(await webhooks.due(shop, soon)).toEqual([])
  await webhooks.failed(first as Delivery, 'answered 500', patiently)
  expect(await webhooks.due(shop, soon), 'while it waits for its next attempt').toEqual([])
  await dueNow(sql)
  const [again] = await webhooks.due(shop, soon)
  expect(await webhooks.delivered(again as Delivery)).toBe(true)
  expect((await webhooks.due(shop, soon)).map(({ event }) => event.type)).toEqual(['asset.deleted'])
  expect((await webhooks.due(desk, soon)).map(({ event }) => event.type)).toEqual(['upload.completed'])
})

test('a success counts, even if another attempt was made meanwhile or the delivery was given up', async ({ database, sql }) => {
  const { webhooks } = database
  const [first] = (await taken(database)) as [Delivery]
  await dueNow(sql)
  const [second] = (await webhooks.due(shop, soon)) as [Delivery]
  expect(second).toMatchObject({ attempt: 2, event: { id: first.event.id } })
  expect(await webhooks.failed(second, 'answered 410', { retryInMs: 0, giveUpAfterSeconds: 0 }), 'at once').toBe('dead')
  expect(await webhooks.delivered(first)).toBe(true)
  expect(await webhooks.delivered(first)).toBe(false)
  expect(await webhooks.failed(second, 'answered 500', patiently), 'too late').toBeNull()
  expect(await webhooks.counts()).toEqual([{ endpoint: shop, pending: 0, delivered: 1, dead: 0 }])
})

test('a superseded attempt that fails changes nothing', { meta: { id: 'webhook-overtaken-attempt' } }, async ({ database, sql }) => {
  const { webhooks } = database
  const [first] = (await taken(database)) as [Delivery]
  await dueNow(sql)
  const [second] = (await webhooks.due(shop, soon)) as [Delivery]
  expect(await webhooks.failed(first, 'too late', patiently)).toBeNull()
  expect(await webhooks.failed(second, 'answered 500', patiently)).toBe('pending')
  const { rows } = await sql.query('select last_error, attempts from webhook_deliveries')
  expect(rows).toEqual([{ last_error: 'answered 500', attempts: 2 }])
})

test('the last attempt is made when the period ends, and not before', async ({ database, sql }) => {
  const { webhooks } = database
  const [first] = (await taken(database)) as [Delivery]
  await webhooks.failed(first, 'answered 500', { retryInMs: 7_200_000, giveUpAfterSeconds: 3600 })
  const { rows } = await sql.query(
    'select extract(epoch from next_attempt_at - failing_since)::integer as wait, state from webhook_deliveries',
  )
  expect(rows).toEqual([{ wait: 3600, state: 'pending' }])

  await sql.query(`update webhook_deliveries set failing_since = now() - interval '1 h', next_attempt_at = now() - interval '1 ms'`)
  const [last] = (await webhooks.due(shop, soon)) as [Delivery]
  expect(await webhooks.failed(last, 'answered 500', patiently)).toBe('dead')
  expect(await webhooks.due(shop, soon)).toEqual([])
})

test('the lag and the dead deliveries of an endpoint are reported', async ({ database, sql }) => {
  const { webhooks } = database
  expect(await webhooks.statusOf(shop)).toEqual({ lagSeconds: 0, dead: 0 })
  const [first, second] = (await taken(database, 2)) as [Delivery, Delivery]
  await sql.query(`update webhook_deliveries set created_at = created_at - interval '100 s'`)
  expect((await webhooks.statusOf(shop)).lagSeconds).toBeGreaterThanOrEqual(100)
  await webhooks.delivered(first)
  await webhooks.failed(second, 'answered 410', { retryInMs: 0, giveUpAfterSeconds: 0 })
  expect(await webhooks.statusOf(shop)).toEqual({ lagSeconds: 0, dead: 1 })
})

/** Creates `count` dead deliveries of an endpoint. @returns the ids of their events in order */
async function dies(database: Database, count: number, endpoint = shop): Promise<string[]> {
  await waiting(database, count, endpoint)
  const handed = await database.webhooks.due(endpoint, soon)
  for (const delivery of handed) await database.webhooks.failed(delivery, 'answered 410', { retryInMs: 0, giveUpAfterSeconds: 0 })
  return ids(handed)
}

test('dead deliveries are listed in batches with their reason', async ({ database }) => {
  const { webhooks } = database
  const atShop = await dies(database, 3)
  const atDesk = await dies(database, 2, desk)
  const [first, second, third, ...none] = await webhooks.dead({ endpoint: null, after: null, limit: 3 })
  expect(none).toEqual([])
  expect([first, second].map((letter) => letter?.eventId)).toEqual(atDesk)
  expect(third).toMatchObject({ endpoint: shop, eventId: atShop[0], type: 'upload.completed', attempts: 1, lastError: 'answered 410' })
  expect(third?.failingSince).toEqual(third?.endedAt)
  const rest = await webhooks.dead({ endpoint: null, after: third ?? null, limit: 3 })
  expect(rest.map(({ eventId }) => eventId)).toEqual(atShop.slice(1))
  expect((await webhooks.dead({ endpoint: desk, after: null, limit: 3 })).map(({ eventId }) => eventId)).toEqual(atDesk)
})

test('dead deliveries can be replayed: all, of one endpoint, or one event', async ({ database, url }) => {
  const { webhooks } = database
  const [one] = await dies(database, 3)
  await dies(database, 2, desk)
  const received: string[] = []
  const jobQueue = listenForFeed({
    url,
    log: silent,
    onReady: () => received.push('ready'),
    onMore: () => received.push('more'),
    onLost: () => {},
  })
  onTestFinished(() => jobQueue.close())
  await expect.poll(() => received).toEqual(['ready'])

  expect(await webhooks.replay({ eventId: randomUUID(), endpoint: null, limit: 10 })).toBe(0)
  expect(await webhooks.replay({ eventId: one ?? '', endpoint: null, limit: 10 })).toBe(1)
  await expect.poll(() => received).toEqual(['ready', 'more'])
  const [again] = (await webhooks.due(shop, soon)) as [Delivery]
  expect(again, 'with its attempts reset').toMatchObject({ attempt: 1, event: { id: one } })
  await webhooks.delivered(again)
  expect(await webhooks.replay({ eventId: null, endpoint: desk, limit: 1 })).toBe(1)
  expect(await webhooks.replay({ eventId: null, endpoint: null, limit: 10 })).toBe(3)
  expect(await webhooks.replay({ eventId: null, endpoint: null, limit: 10 }), 'delivered events are not dead').toBe(0)
  expect(await webhooks.replay({ eventId: one ?? '', endpoint: shop, limit: 10 }), 'but can be named').toBe(1)
})

test('a reason with characters that Postgres refuses does not prevent the end of a delivery', async ({ database, sql }) => {
  const [first] = (await taken(database)) as [Delivery]
  await database.webhooks.failed(first, `\u0000\ud800${'x'.repeat(1000)}`, patiently)
  const { rows } = await sql.query('select char_length(last_error) as length from webhook_deliveries')
  expect(rows).toEqual([{ length: 500 }])
})
