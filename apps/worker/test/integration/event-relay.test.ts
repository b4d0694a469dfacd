import { randomUUID } from 'node:crypto'
import { DatabaseUnavailable, type EventRecord } from '@airlock/database'
import { waitFor } from '@airlock/testkit'
import { samples } from '@airlock/testkit/samples'
import { expect } from 'vitest'
import type { WorkerDeps } from '../../src/worker-deps.ts'
import { type Airlock, test } from '../airlock.ts'

const feed = async ({ servers }: Airlock): Promise<readonly EventRecord[]> =>
  (await servers.database.events.after({ after: 0, limit: 1000 })).events

const comesToFeed = (airlock: Airlock, count: number, timeoutMs = 10_000) =>
  waitFor(async () => (await feed(airlock)).length === count, { what: `${count} events in the feed`, timeoutMs })

/** Without notifications, only the timer relays. */
const withoutNotifications: Pick<WorkerDeps, 'listenForEvents'> = { listenForEvents: () => ({ close: async () => {} }) }

/** Events without any worker: assets that are deleted. */
async function writesEvents({ servers: { sql } }: Airlock, count: number): Promise<void> {
  const assets = `
    insert into assets (user_id, upload_id, s3_key, original_filename, file_size, mime_type, asset_type, metadata)
    select $1, gen_random_uuid(), 'brand-images/' || gen_random_uuid(), 'logo.png', 1, 'image/png', 'brand_image', '{}'
    from generate_series(1, $2)`
  const userId = randomUUID()
  await sql.query('insert into users (id) values ($1)', [userId])
  await sql.query(assets, [userId, count])
  await sql.query('delete from assets where user_id = $1', [userId])
}

test('the event of an upload is in the feed at once, because the database notifies the relay', async ({ airlock }) => {
  const worker = airlock.startsWorker()
  const upload = await airlock.accepts(samples.logo)
  await airlock.comesTo('completed', upload)

  await comesToFeed(airlock, 1)
  expect(await feed(airlock)).toMatchObject([{ type: 'upload.completed', uploadId: upload.id, sequence: 1, position: 1 }])
  await waitFor(async () => (await worker.health.inject('/metrics')).body.includes('airlock_events_placed_total 1'), {
    what: 'the metric of relayed events',
  })
})

test('events without a notification, or from before the worker started, are relayed by the timer', {
  meta: { id: 'relay-timer-without-notification' },
}, async ({ airlock }) => {
  await writesEvents(airlock, 1)
  airlock.startsWorker({ ...withoutNotifications, relay: { everySeconds: 0.1 } })
  await comesToFeed(airlock, 1)
  await writesEvents(airlock, 2)
  await comesToFeed(airlock, 3)
})

test('after a relay died in its transaction, another one assigns the positions', { meta: { id: 'relay-died-with-lease' } }, async ({
  airlock,
}) => {
  const { sql } = airlock.servers
  await writesEvents(airlock, 3)
  await sql.query('begin')
  await sql.query('select events_place(1)')
  airlock.startsWorker({ relay: { everySeconds: 0.1 } })
  await sql.query('rollback')

  await comesToFeed(airlock, 3)
  expect((await feed(airlock)).map(({ position }) => position)).toEqual([1, 2, 3])
})

test('events get consecutive positions from several relays', { meta: { id: 'relays-share-positions' } }, async ({ airlock }) => {
  for (let i = 0; i < 3; i += 1) airlock.startsWorker({ relay: { everySeconds: 0.02 } })
  for (let i = 0; i < 6; i += 1) await writesEvents(airlock, 100)
  const total = 6 * 100
  await waitFor(async () => (await airlock.servers.database.events.after({ after: 0, limit: 1 })).last === total, { what: 'all events' })
  const { rows } = await airlock.servers.sql.query('select count(distinct position), min(position), max(position) from events')
  expect(rows).toEqual([{ count: String(total), min: '1', max: String(total) }])
})

test('a failed relay run is logged and repeated, and a metric reports the delay', {
  meta: { id: 'relay-failure-reported' },
}, async ({ airlock }) => {
  const { database } = airlock.servers
  let unavailable = true
  const guarded =
    <Args extends unknown[], T>(call: (...args: Args) => Promise<T>) =>
    async (...args: Args): Promise<T> => {
      if (unavailable) throw new DatabaseUnavailable('connection refused')
      return call(...args)
    }
  const { place, lagSeconds } = database.eventRelay
  const eventRelay = { place: guarded(place), lagSeconds: guarded(lagSeconds) }
  await writesEvents(airlock, 1)
  await airlock.servers.sql.query(`update events set created_at = created_at - interval '100 s'`)
  const worker = airlock.startsWorker({
    ...withoutNotifications,
    database: { ...database, eventRelay },
    relay: { everySeconds: 0.3 },
  })
  const lag = async () => Number(/^airlock_event_relay_lag_seconds (.*)$/m.exec((await worker.health.inject('/metrics')).body)?.[1])

  await waitFor(async () => airlock.log.withMessage('event relay failed, the next run retries').length > 1, { what: 'relays that fail' })
  expect(await lag(), 'while Postgres is unavailable').toBeNaN()
  expect(await database.eventRelay.lagSeconds()).toBeGreaterThan(99)
  unavailable = false
  await comesToFeed(airlock, 1)
  await expect.poll(lag, { timeout: 5000 }).toBe(0) // results are shared for a second
})

test("the events of a stopping worker's last jobs are relayed before it exits", { meta: { id: 'relay-runs-before-stop' } }, async ({
  airlock,
}) => {
  const gate = airlock.gate()
  const worker = airlock.startsWorker({ ...withoutNotifications, store: gate.store })
  const upload = await airlock.accepts(samples.photo)
  await gate.reached

  const stopping = worker.stop()
  gate.open()
  await stopping

  expect(await feed(airlock)).toMatchObject([{ type: 'upload.completed', uploadId: upload.id }])
})
