import { randomUUID } from 'node:crypto'
import { eventTypes, finalEventTypes } from '@airlock/domain'
import { expect } from 'vitest'
import { test } from '../database-test.ts'
import { eventsOf, feed, forgetEvents, placeAll } from '../events.ts'
import { age, claim, claimed, goodFile, lapse, newUpload, ourFault, parked, plenty, promoted, received, tooBig } from '../samples.ts'

test.beforeEach(async ({ sql }) => {
  await forgetEvents(sql)
})

const clientMetadata = { campaign: 'spring', take: 3 }

test('the event of a completed upload contains its asset, facts and metadata', async ({ database }) => {
  const upload = newUpload()
  await database.uploads.register(upload, plenty)
  const file = goodFile(upload, { clientMetadata })
  await database.uploads.accept([file])
  const asset = await database.uploads.complete(await claim(database, upload.id), { mediaType: 'image/png', facts: { width: 640 } })
  await placeAll(database)

  expect(await feed(database)).toEqual([
    {
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      type: 'upload.completed',
      uploadId: upload.id,
      sequence: 1,
      userId: upload.userId,
      createdAt: expect.any(Date),
      position: 1,
      payload: {
        asset_id: asset.id,
        s3_key: asset.s3Key,
        asset_type: 'brand_image',
        filename: 'logo.png',
        size_bytes: 4321,
        mime_type: 'image/png',
        content_hash: file.contentHash,
        project_id: null,
        brand_id: null,
        facts: { width: 640 },
        provenance: null,
        metadata: clientMetadata,
      },
    },
  ])
})

test('the event of a completed upload contains its provenance beside its facts', async ({ database, sql }) => {
  const provenance = { present: false, declared: { generator: 'ComfyUI', digital_source_type: null, ai_generated: true } } as const
  const { id: uploadId } = await received(database)
  await database.uploads.complete(await claim(database, uploadId), { mediaType: 'image/png', facts: { width: 640, provenance } })

  const [event] = await eventsOf(sql, uploadId)
  expect(event?.payload).toMatchObject({ provenance })
  expect(event?.payload.facts).toEqual({ width: 640 })
})

test('each way of rejecting an upload writes one event with the reason', async ({ database, sql }) => {
  const inspected = await claimed(database)
  await database.uploads.reject(inspected, tooBig)
  const waiting = await received(database)
  await database.uploads.cancel(waiting.id, tooBig)
  const atWork = await claimed(database)
  await database.uploads.cancel(atWork.uploadId, tooBig)
  const given = await parked(database)
  await database.uploads.releaseParked(given.uploadId, tooBig)

  for (const id of [inspected.uploadId, waiting.id, atWork.uploadId]) {
    expect(await eventsOf(sql, id)).toMatchObject([
      { type: 'upload.rejected', sequence: 1, payload: { error: tooBig, filename: 'logo.png' } },
    ])
  }
  expect(await eventsOf(sql, given.uploadId)).toMatchObject([
    { type: 'upload.parked', sequence: 1, payload: { error: ourFault } },
    { type: 'upload.rejected', sequence: 2, payload: { error: tooBig } },
  ])
})

test('an upload that is parked twice has two events with consecutive numbers, and one for its end', async ({ database, sql }) => {
  const { uploadId } = await parked(database)
  await database.uploads.retryParked(uploadId)
  await database.uploads.park(await claim(database, uploadId), ourFault, 'AccessDenied')
  await database.uploads.retryParked(uploadId)
  await database.uploads.complete(await claim(database, uploadId), { mediaType: 'image/png', facts: {} })

  expect((await eventsOf(sql, uploadId)).map(({ type, sequence }) => `${sequence} ${type}`)).toEqual([
    '1 upload.parked',
    '2 upload.parked',
    '3 upload.completed',
  ])
})

test('acceptance, claims, leases, hand-backs and files that were never accepted write no events', async ({ database, sql }) => {
  const refused = newUpload()
  await database.uploads.register(refused, plenty)
  await database.uploads.abandon(refused.id, tooBig, { giveBack: false })
  const { uploadId } = await claimed(database)
  await lapse(sql, uploadId)
  const again = await claim(database, uploadId)
  await database.uploads.renewLease(again, 60)
  await database.uploads.retryLater(again, 'timeout')
  expect(await placeAll(database)).toBe(0)
})

test('an asset has an event when it is marked to expire, and when it is deleted in any way', {
  meta: { id: 'asset-events-by-any-deletion' },
}, async ({ database, sql }) => {
  const asset = await promoted(database)
  await sql.query(`update assets set created_at = now() - interval '100 days' where id = $1`, [asset.id])
  await database.assets.markExpiring(asset.id, { days: 90, graceDays: 7 })
  const { expiringAt } = (await database.assets.byId(asset.id)) ?? {}
  await sql.query('delete from users where id = $1', [asset.userId])

  const payload = { asset_id: asset.id, s3_key: asset.s3Key, filename: 'logo.png', expiring_at: expiringAt?.toISOString() }
  expect((await eventsOf(sql, asset.uploadId ?? '')).slice(1)).toMatchObject([
    { type: 'asset.expiring', sequence: 2, payload },
    { type: 'asset.deleted', sequence: 3, payload },
  ])
})

test("the event of a deletion contains the caller's metadata", async ({ database, sql }) => {
  const asset = await promoted(database, {}, { clientMetadata })
  await database.assets.delete(asset.id, { force: false })
  expect((await eventsOf(sql, asset.uploadId ?? '')).at(-1)).toMatchObject({ type: 'asset.deleted', payload: { metadata: clientMetadata } })
})

test('assets that Airlock did not create have no events', async ({ database, sql }) => {
  const userId = randomUUID()
  await sql.query('insert into users (id) values ($1)', [userId])
  await sql.query('insert into assets (user_id, s3_key) values ($1, $2)', [userId, `legacy/${userId}.png`])
  await sql.query(`update assets set expiring_at = now() - interval '1 ms' where user_id = $1`, [userId])
  await sql.query('delete from assets where user_id = $1', [userId])
  expect(await placeAll(database)).toBe(0)
})

test('a rolled back change writes no event', { meta: { id: 'event-rolled-back' } }, async ({ database, sql }) => {
  const asset = await promoted(database)
  const before = await eventsOf(sql, asset.uploadId ?? '')
  await sql.query('begin')
  await sql.query('delete from assets where id = $1', [asset.id])
  await sql.query('rollback')
  expect(await eventsOf(sql, asset.uploadId ?? '')).toEqual(before)

  await database.assets.delete(asset.id, { force: false })
  expect((await eventsOf(sql, asset.uploadId ?? '')).at(-1), 'it took no number').toMatchObject({ type: 'asset.deleted', sequence: 2 })
})

test("an upload can't have two final events, not even by plain SQL", { meta: { id: 'upload-ends-once' } }, async ({ database, sql }) => {
  const asset = await promoted(database)
  for (const type of finalEventTypes) {
    const second = `insert into events (type, upload_id, sequence, user_id, payload) values ($1, $2, 9, $3, '{}')`
    await expect(sql.query(second, [type, asset.uploadId, asset.userId])).rejects.toThrow('events_final_once')
  }
})

test('a restored asset that is deleted again has another event, but its upload has not', async ({ database, sql }) => {
  const asset = await promoted(database)
  await sql.query('create table rescued as select * from assets where id = $1', [asset.id])
  await database.assets.delete(asset.id, { force: false })
  await sql.query('insert into assets select * from rescued')
  await sql.query('drop table rescued')
  await database.assets.delete(asset.id, { force: false })
  expect((await eventsOf(sql, asset.uploadId ?? '')).map(({ type }) => type)).toEqual([
    'upload.completed',
    'asset.deleted',
    'asset.deleted',
  ])
})

test('the database allows the same event types as the domain', async ({ sql }) => {
  const { rows } = await sql.query(`select pg_get_constraintdef(oid) as rule from pg_constraint where conname = 'events_type_known'`)
  expect([...rows[0].rule.matchAll(/'([a-z.]+)'/g)].map(([, type]) => type).toSorted()).toEqual(eventTypes.toSorted())
})

test('old events are pruned, the oldest first, and the feed reports it', async ({ database, sql }) => {
  const [old, young] = [await promoted(database), await promoted(database)]
  await placeAll(database)
  await sql.query(`update events set positioned_at = positioned_at - interval '31 days' where upload_id = $1`, [old.uploadId])
  expect(await database.events.prune({ olderThanDays: 30, limit: 10 })).toBe(1)
  expect(await database.events.after({ after: 0, limit: 10 })).toMatchObject({
    events: [{ uploadId: young.uploadId }],
    removed: 1,
    last: 2,
    next: { position: 2 },
  })
  expect(await database.events.prune({ olderThanDays: 30, limit: 10 })).toBe(0)
})

test('a page filtered by type skips a bounded number of others, and returns where the next begins', async ({ database, sql }) => {
  const assets = [await promoted(database), await promoted(database)]
  for (const { id } of assets) await database.assets.delete(id, { force: false })
  await placeAll(database)
  const all = await feed(database)
  const deleted = ['asset.deleted'] as const
  expect(await database.events.after({ after: 0, limit: 1, types: deleted })).toMatchObject({
    events: [{ type: 'asset.deleted', position: 3 }],
    next: { position: 3, eventId: all[2]?.id },
  })
  expect(await database.events.after({ after: 3, limit: 10, types: deleted })).toMatchObject({ events: [{ position: 4 }] })
  expect(await database.events.after({ after: 0, limit: 10, types: ['upload.parked'] })).toMatchObject({
    events: [],
    next: { position: 4, eventId: all[3]?.id },
  })

  // a gap of positions stands for events of other types in between
  await sql.query('update event_relay set last_position = 25000')
  await sql.query('update events set position = 25000 where position = 4')
  const pages = []
  for (let after = 3; after < 25_000; ) {
    const page = await database.events.after({ after, limit: 10, types: deleted })
    pages.push([page.events.length, page.next.position])
    after = page.next.position
  }
  expect(pages).toEqual([
    [0, 10_003],
    [0, 20_003],
    [1, 25_000],
  ])
})

test('the feed can start with future events only', async ({ database }) => {
  expect(await database.events.after({ after: 'latest', limit: 10 })).toMatchObject({ events: [], next: { position: 0, eventId: null } })
  const asset = await promoted(database)
  await placeAll(database)
  const { events, next } = await database.events.after({ after: 'latest', limit: 10 })
  expect(events).toEqual([])
  await database.assets.delete(asset.id, { force: false })
  await placeAll(database)
  expect(await feed(database, next.position)).toMatchObject([{ type: 'asset.deleted', uploadId: asset.uploadId }])
})

test('a cursor contains the previous event, so that a restored feed is detected', async ({ database }) => {
  await promoted(database)
  await placeAll(database)
  const [event] = await feed(database)
  const atEnd = { position: 1, eventId: event?.id }
  expect(await database.events.after({ after: 0, limit: 1 })).toMatchObject({ start: { position: 0, eventId: null }, next: atEnd })
  expect(await database.events.after({ after: 1, limit: 1 })).toMatchObject({ start: atEnd, next: atEnd })
  expect(await database.events.after({ after: 7, limit: 1 })).toMatchObject({ start: { position: 7, eventId: null }, last: 1 })
})

test('an event without a position is never pruned', async ({ database, sql }) => {
  await promoted(database)
  await sql.query(`update events set created_at = created_at - interval '300 days'`)
  expect(await database.events.prune({ olderThanDays: 30, limit: 10 })).toBe(0)
  await placeAll(database)
  expect(await database.events.prune({ olderThanDays: 30, limit: 10 })).toBe(0)
})

test('numbers continue after old events were pruned, and are deleted after the final event', async ({ database, sql }) => {
  const asset = await promoted(database)
  const ended = await claimed(database)
  await database.uploads.reject(ended, tooBig)
  const again = await parked(database)
  const pruneAll = async () => {
    await placeAll(database)
    await sql.query(`update events set positioned_at = positioned_at - interval '30 days'`)
    await database.events.prune({ olderThanDays: 30, limit: 100 })
  }
  const sequences = async () => (await sql.query('select upload_id from event_sequences')).rows.map((row) => row.upload_id).toSorted()

  await pruneAll()
  expect(await sequences()).toEqual([asset.uploadId, again.uploadId].toSorted())

  await age(sql, asset.uploadId ?? '', 40 * 86_400)
  await database.uploads.forget(asset.uploadId ?? '', { olderThanDays: 30 })
  await database.assets.delete(asset.id, { force: false })
  await database.uploads.releaseParked(again.uploadId, tooBig)
  expect(await eventsOf(sql, asset.uploadId ?? '')).toMatchObject([{ type: 'asset.deleted', sequence: 2 }])
  expect(await eventsOf(sql, again.uploadId)).toMatchObject([{ type: 'upload.rejected', sequence: 2 }])

  await pruneAll()
  expect(await sequences()).toEqual([])
})
