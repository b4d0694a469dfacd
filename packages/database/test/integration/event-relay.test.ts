import { randomUUID } from 'node:crypto'
import { expect, onTestFinished } from 'vitest'
import { listenForEvents, listenForFeed } from '../../src/index.ts'
import { connected, silent, test } from '../database-test.ts'
import { feed, forgetEvents, placeAll } from '../events.ts'
import { promoted } from '../samples.ts'

test.beforeEach(async ({ sql }) => {
  await forgetEvents(sql)
})

const leaseRequest = (given: Partial<{ holder: string; leaseSeconds: number }> = {}) => ({
  holder: randomUUID(),
  leaseSeconds: 60,
  ...given,
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

test('of ten relays one has the lease, and another one after it is released', async ({ database, other }) => {
  const turns = Array.from({ length: 10 }, () => leaseRequest())
  const answers = await Promise.all(turns.map((one, i) => (i % 2 ? database : other).eventRelay.take(one)))
  expect(answers.filter((has) => has)).toHaveLength(1)
  const holder = turns[answers.indexOf(true)]?.holder ?? ''
  expect(await other.eventRelay.end({ holder })).toBe(true)
  expect(await other.eventRelay.take(leaseRequest())).toBe(true)
})

test('a relay whose lease was taken over assigns no more positions', { meta: { id: 'relay-lease-taken-over' } }, async ({
  database,
  other,
  sql,
}) => {
  await promoted(database)
  const paused = leaseRequest()
  await database.eventRelay.take(paused)
  expect(await other.eventRelay.take(leaseRequest())).toBe(false)
  await sql.query(`update event_relay set lease_until = now() - interval '1 s'`)
  const follower = leaseRequest()
  expect(await other.eventRelay.take(follower)).toBe(true)

  expect(await database.eventRelay.place({ ...paused, limit: 10 })).toBeNull()
  expect(await database.eventRelay.end(paused)).toBe(false)
  expect(await feed(database)).toEqual([])
  expect(await other.eventRelay.place({ ...follower, limit: 10 })).toBe(1)
})

test('many events get their positions in batches', async ({ database }) => {
  for (let i = 0; i < 5; i += 1) await promoted(database)
  const mine = leaseRequest()
  await database.eventRelay.take(mine)
  const counts = []
  for (let i = 0; i < 4; i += 1) counts.push(await database.eventRelay.place({ ...mine, limit: 2 }))
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
