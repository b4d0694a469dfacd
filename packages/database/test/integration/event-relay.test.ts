import type { Client } from 'pg'
import { expect, onTestFinished } from 'vitest'
import { listenForEvents, listenForFeed } from '../../src/index.ts'
import { connected, silent, test } from '../database-test.ts'
import { feed, forgetEvents, placeAll } from '../events.ts'
import { promoted } from '../samples.ts'

test.beforeEach(async ({ sql }) => {
  await forgetEvents(sql)
})

/** Begins a transaction that deletes an asset, and leaves it open until `commit` is called. */
async function openDeletion(url: string, assetId: string): Promise<{ commit(): Promise<void> }> {
  const client = await connected(url)
  onTestFinished(() => client.end())
  await client.query('begin')
  await client.query('delete from assets where id = $1', [assetId])
  return { commit: async () => void (await client.query('commit')) }
}

test('an event that is committed late gets a position after those that were read before', async ({ database, url }) => {
  const [early, late] = [await promoted(database), await promoted(database)]
  await placeAll(database)
  const first = await openDeletion(url, early.id)
  const second = await openDeletion(url, late.id)

  await second.commit()
  await placeAll(database)
  const read = await database.events.after({ after: 0, limit: 100 })
  expect(read.events.at(-1)).toMatchObject({ type: 'asset.deleted', uploadId: late.uploadId })

  await first.commit()
  await placeAll(database)
  expect(await feed(database, read.next.position)).toMatchObject([{ type: 'asset.deleted', uploadId: early.uploadId }])
  expect((await feed(database)).slice(0, read.events.length), 'events that were read do not change').toEqual(read.events)
})

test('a reader gets every event once while many transactions commit in any order', { timeout: 60_000 }, async ({
  database,
  other,
  url,
}) => {
  const assets = await Promise.all(Array.from({ length: 24 }, () => promoted(database)))
  await placeAll(database)
  const seen: string[] = []
  let next = (await database.events.after({ after: 0, limit: 1000 })).last
  const read = async () => {
    const page = await other.events.after({ after: next, limit: 2 })
    seen.push(...page.events.map(({ uploadId }) => uploadId))
    next = page.next.position
  }
  const open = await Promise.all(assets.map(({ id }) => openDeletion(url, id)))
  // the transactions commit in the reverse order of their writes; in between, a relay runs and a reader reads
  for (const [i, deletion] of open.toReversed().entries()) {
    await deletion.commit()
    if (i % 3 === 0) await Promise.all([placeAll(database), i % 2 === 0 && read()])
  }
  await placeAll(database)
  for (let i = 0; i < 24; i += 1) await read()
  expect(seen.toSorted()).toEqual(assets.map(({ uploadId }) => uploadId).toSorted())
})

test("positions follow the order of an upload's events, without gaps", async ({ database }) => {
  const assets = [await promoted(database), await promoted(database)]
  for (const { id } of assets) await database.assets.delete(id, { force: false })
  await placeAll(database)
  const events = await feed(database)
  expect(events.map(({ position }) => position)).toEqual([1, 2, 3, 4])
  for (const { uploadId } of assets) {
    expect(events.filter((event) => event.uploadId === uploadId).map(({ sequence }) => sequence)).toEqual([1, 2])
  }
})

/** A relay in a transaction that has not ended, as if its server process were slow. */
async function slowRelay(url: string): Promise<Client> {
  const client = await connected(url)
  onTestFinished(() => client.end())
  await client.query('begin')
  await client.query('select events_place(1)')
  return client
}

test('while a relay is at work, others change nothing, and later ones continue after it', async ({ database, other, url }) => {
  for (let i = 0; i < 3; i += 1) await promoted(database)
  const slow = await slowRelay(url)
  expect(await Promise.all([database, other].map(({ eventRelay }) => eventRelay.place({ limit: 10 })))).toEqual([null, null])
  await slow.query('commit')

  const counts = await Promise.all(Array.from({ length: 10 }, (_, i) => (i % 2 ? database : other).eventRelay.place({ limit: 10 })))
  expect(counts.filter((count) => count === 2)).toHaveLength(1)
  expect((await feed(database)).map(({ position }) => position)).toEqual([1, 2, 3])
})

test('the lease of a relay of the previous release applies until it expires', { meta: { id: 'relay-lease-taken-over' } }, async ({
  database,
  other,
  sql,
}) => {
  await promoted(database)
  await sql.query(`insert into event_relay (holder, lease_until) values (gen_random_uuid(), now() + interval '60 s')`)
  expect(await database.eventRelay.place({ limit: 10 })).toBeNull()
  expect(await feed(database)).toEqual([])

  await sql.query(`update event_relay set lease_until = now() - interval '1 s'`)
  expect(await other.eventRelay.place({ limit: 10 })).toBe(1)
})

test('removing old events does not keep a relay from its work', async ({ database, url }) => {
  await promoted(database)
  const client = await connected(url)
  onTestFinished(() => client.end())
  await client.query('begin')
  await client.query('insert into event_relay (id, removed_position) values (1, 0)')
  const placing = database.eventRelay.place({ limit: 10 })
  await client.query('commit')
  expect(await placing).toBe(1)
})

test('many events get their positions in batches', async ({ database }) => {
  for (let i = 0; i < 5; i += 1) await promoted(database)
  const counts = []
  for (let i = 0; i < 4; i += 1) counts.push(await database.eventRelay.place({ limit: 2 }))
  expect(counts).toEqual([2, 2, 1, 0])
  expect((await feed(database)).map(({ position }) => position)).toEqual([1, 2, 3, 4, 5])
})

test('the waiting time of the oldest event without a position is reported', async ({ database, sql }) => {
  expect(await database.eventRelay.lagSeconds()).toBe(0)
  await promoted(database)
  await sql.query(`update events set created_at = created_at - interval '100 s'`)
  expect(await database.eventRelay.lagSeconds()).toBeGreaterThanOrEqual(100)
  await placeAll(database)
  expect(await database.eventRelay.lagSeconds()).toBe(0)
})

test('writing an event notifies the relay, and a new position notifies readers', async ({ database, url }) => {
  const received: string[] = []
  const shared = { url, log: silent, onLost: () => {} }
  const events = listenForEvents({ ...shared, onReady: () => received.push('ready'), onEvent: () => received.push('event') })
  const more = listenForFeed({ ...shared, onReady: () => received.push('ready'), onMore: () => received.push('more') })
  onTestFinished(async () => void (await Promise.all([events.close(), more.close()])))
  await expect.poll(() => received).toEqual(['ready', 'ready'])

  await promoted(database)
  await expect.poll(() => received.slice(2)).toEqual(['event'])
  await placeAll(database)
  await expect.poll(() => received.slice(2)).toEqual(['event', 'more'])
  await placeAll(database)
  expect(received).toHaveLength(4)
})
