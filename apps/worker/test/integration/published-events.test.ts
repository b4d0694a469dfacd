import type { EventRecord } from '@airlock/database'
import { finalEventTypes, isFinal, refusal } from '@airlock/domain'
import { StoreUnavailable } from '@airlock/storage'
import { waitFor } from '@airlock/testkit'
import { samples } from '@airlock/testkit/samples'
import { expect } from 'vitest'
import type { WorkerDeps } from '../../src/worker-deps.ts'
import { type Airlock, sweepOptions, test } from '../airlock.ts'

/** The feed with real workers and relays. */
const feed = async ({ servers }: Airlock): Promise<readonly EventRecord[]> =>
  (await servers.database.events.after({ after: 0, limit: 1000 })).events

const eventsOf = async (airlock: Airlock, { id }: { id: string }) => (await feed(airlock)).filter(({ uploadId }) => uploadId === id)

const comesToEvents = (airlock: Airlock, upload: { id: string }, types: readonly string[]) =>
  waitFor(async () => (await eventsOf(airlock, upload)).map(({ type }) => type).join() === types.join(), {
    what: `the events ${types.join(', ')}`,
    timeoutMs: 15_000,
  })

const clientMetadata = { campaign: 'spring', take: 3, rate: 1.5e-7, final: true, ключ: 'é\u{1f600}' }

test('an unused asset has events when it is marked and when it is deleted, with its metadata', async ({ airlock }) => {
  const sweep: WorkerDeps['sweep'] = { ...sweepOptions, everySeconds: 0.1, restSeconds: 0, unusedAssetDays: 1, graceDays: 0 }
  airlock.startsWorker({ sweep })
  const upload = await airlock.accepts(samples.logo, { clientMetadata })
  await airlock.comesTo('completed', upload)
  await airlock.servers.sql.query(`update assets set created_at = now() - interval '2 days'`)

  await comesToEvents(airlock, upload, ['upload.completed', 'asset.expiring', 'asset.deleted'])
  const events = await eventsOf(airlock, upload)
  expect(events.map(({ sequence }) => sequence)).toEqual([1, 2, 3])
  for (const { payload } of events) expect(payload.metadata).toEqual(clientMetadata)
  const expiringAt = events[1]?.payload.expiring_at
  expect(expiringAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  expect(events[2]?.payload.expiring_at).toBe(expiringAt)
})

test('assets that are deleted with their user or by plain SQL have one event each', { meta: { id: 'asset-deletions-published' } }, async ({
  airlock,
}) => {
  const { sql } = airlock.servers
  airlock.startsWorker()
  const uploads = [await airlock.accepts(samples.logo, { clientMetadata }), await airlock.accepts(samples.photo, { clientMetadata })]
  const [first, second] = uploads as [(typeof uploads)[0], (typeof uploads)[0]]
  for (const upload of uploads) await airlock.comesTo('completed', upload)

  await sql.query('delete from assets where upload_id = $1', [first.id])
  await sql.query('delete from users where id = $1', [airlock.userId])

  for (const upload of [first, second]) {
    await comesToEvents(airlock, upload, ['upload.completed', 'asset.deleted'])
    const { payload, sequence, userId } = (await eventsOf(airlock, upload))[1] as EventRecord
    expect({ ...payload, sequence, userId }).toMatchObject({
      sequence: 2,
      userId: airlock.userId,
      metadata: clientMetadata,
      s3_key: upload.finalKey,
      filename: upload.filename,
    })
  }
})

test('an upload that is parked twice has an event each time, and one for its end', {
  meta: { id: 'park-and-retry-published' },
}, async ({ airlock, servers }) => {
  let broken = true
  const copyToFinal: typeof servers.store.copyToFinal = async (from, ...rest) => {
    if (broken) throw new StoreUnavailable('SlowDown (503)', null)
    return servers.store.copyToFinal(from, ...rest)
  }
  airlock.startsWorker({
    store: { ...servers.store, copyToFinal },
    retry: { minAttempts: 2, retryForSeconds: 0, firstMs: 20, maxMs: 50 },
  })
  const upload = await airlock.accepts(samples.photo, { clientMetadata })
  const again = async () => {
    expect(await servers.database.uploads.retryParked(upload.id)).toBe(true)
    await airlock.queues.jobQueue.ensureEnqueued('images', { uploadId: upload.id })
  }

  await comesToEvents(airlock, upload, ['upload.parked'])
  await again()
  await comesToEvents(airlock, upload, ['upload.parked', 'upload.parked'])
  broken = false
  await again()
  await comesToEvents(airlock, upload, ['upload.parked', 'upload.parked', 'upload.completed'])

  const events = await eventsOf(airlock, upload)
  expect(events.map(({ sequence }) => sequence)).toEqual([1, 2, 3])
  for (const { payload } of events) expect(payload.metadata).toEqual(clientMetadata)
  for (const { payload } of events.slice(0, 2)) expect(payload.error).toMatchObject({ code: 'processing_failed' })
})

test('every ended upload has exactly one final event, however it ends', { meta: { id: 'every-end-published-once' } }, async ({
  airlock,
}) => {
  const { database } = airlock.servers
  const cancelled = refusal('cancelled', { filename: 'photo.jpg' })
  airlock.startsWorker()
  airlock.startsWorker()
  const uploads = await Promise.all(
    Array.from({ length: 15 }, async (_, i) => {
      const upload = await airlock.accepts([samples.logo, samples.photo, samples.brokenPhoto][i % 3] ?? samples.logo)
      // some are cancelled before their worker claims them, some during its work, some too late
      if (i % 5 === 0) await database.uploads.cancel(upload.id, cancelled)
      return upload
    }),
  )
  await waitFor(async () => (await Promise.all(uploads.map((one) => airlock.of(one)))).every(({ state }) => isFinal(state)), {
    what: 'all to end',
    timeoutMs: 20_000,
  })
  await waitFor(async () => (await feed(airlock)).length === uploads.length, { what: 'as many events' })
  const events = await feed(airlock)
  expect(events.every(({ type }) => (finalEventTypes as readonly string[]).includes(type))).toBe(true)
  for (const upload of uploads) {
    const { state } = await airlock.of(upload)
    expect(events.filter(({ uploadId }) => uploadId === upload.id)).toMatchObject([{ type: `upload.${state}`, sequence: 1 }])
  }
})
