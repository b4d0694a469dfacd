import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { migrate } from '@airlock/database'
import { refusal } from '@airlock/domain'
import { relayEvents } from '@airlock/notifications'
import { privateServer } from '@airlock/testkit'
import pg from 'pg'
import { expect } from 'vitest'
import { acceptedIds, answerOf, Client, logo, photo, type RunningGateway, startGateway, test as withGateway } from '../gateway.ts'

const silent = { info: () => {}, warn: () => {}, error: () => {} }

/** A service of the surrounding product, which reads the events of all users. */
class Consumer {
  readonly #url: string
  readonly #token: Promise<string>

  constructor({ url }: RunningGateway, scope = 'service') {
    this.#url = url
    this.#token = new Client(url).token({ scope })
  }

  async asks(query: Record<string, string | number> = {}, signal?: AbortSignal) {
    const search = new URLSearchParams(Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]))
    const headers = { authorization: `Bearer ${await this.#token}` }
    return answerOf(await fetch(`${this.#url}/api/events?${search}`, { headers, ...(signal && { signal }) }))
  }

  /** The cursor at the end of the feed. */
  async latest(): Promise<string> {
    return (await this.asks({ after: 'latest' })).body.next
  }
}

const relays = ({ database }: RunningGateway) => relayEvents({}, { relay: database.eventRelay })

const test = withGateway
  .extend('sql', { scope: 'file' }, async ({ gateway }, { onCleanup }) => {
    const client = new pg.Client({ connectionString: gateway.servers.databaseUrl })
    await client.connect()
    onCleanup(() => client.end())
    return client
  })
  .extend('consumer', async ({ gateway }) => new Consumer(gateway))

/** Deletes one asset for each event, in separate transactions that are open at the same time. */
async function openDeletions(gateway: RunningGateway, count: number) {
  const pool = new pg.Pool({ connectionString: gateway.servers.databaseUrl, max: count })
  const userId = randomUUID()
  await pool.query('insert into users (id) values ($1)', [userId])
  const { rows } = await pool.query(
    `insert into assets (user_id, upload_id, s3_key, original_filename, file_size, mime_type, asset_type, metadata)
    select $1, gen_random_uuid(), 'brand-images/' || gen_random_uuid(), 'logo.png', 1, 'image/png', 'brand_image', '{}'
    from generate_series(1, $2) returning upload_id`,
    [userId, count],
  )
  const uploadIds = rows.map(({ upload_id }) => upload_id as string)
  const open = await Promise.all(
    uploadIds.map(async (uploadId) => {
      const client = await pool.connect()
      await client.query('begin')
      await client.query('delete from assets where upload_id = $1', [uploadId])
      return async () => {
        await client.query('commit')
        client.release()
      }
    }),
  )
  return { uploadIds, commits: open, close: () => pool.end() }
}

test('the feed contains a completed upload with its asset and metadata', async ({ gateway, client, consumer }) => {
  const after = await consumer.latest()
  const metadata = { campaign: 'spring', take: 3, rate: 1.5e-7, final: true, ключ: 'é\u{1f600}' }
  const [id = ''] = acceptedIds(await client.uploads(['asset_type', 'brand_image'], ['metadata', JSON.stringify(metadata)], await photo()))
  await gateway.promotes(id)
  await relays(gateway)

  const { status, headers, body } = await consumer.asks({ after })
  expect(status).toBe(200)
  expect(headers.get('cache-control')).toBe('no-store')
  const { asset_id, content_hash } = (await client.get(`/api/jobs/${id}`)).body
  expect(body.events).toEqual([
    {
      type: 'upload.completed',
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      data: {
        event_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        upload_id: id,
        sequence: 1,
        user_id: client.id,
        asset_id,
        s3_key: expect.stringMatching(/^brand-images\//),
        asset_type: 'brand_image',
        filename: 'photo.jpg',
        size_bytes: (await photo()).bytes.byteLength,
        mime_type: 'image/jpeg',
        content_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
        project_id: null,
        brand_id: null,
        facts: {},
        provenance: null,
        metadata,
      },
    },
  ])
  expect(content_hash === undefined || content_hash === body.events[0].data.content_hash).toBe(true)
  expect((await consumer.asks({ after: body.next })).body).toEqual({ events: [], next: body.next })
})

test('a consumer reads all pages, each event once and in one order', async ({ gateway, client, consumer }) => {
  let after = await consumer.latest()
  const ids = acceptedIds(await client.pictures(await logo('a.png'), await logo('b.png'), await logo('c.png')))
  for (const id of ids) await gateway.promotes(id)
  await relays(gateway)
  const all = (await consumer.asks({ after })).body.events
  const pages = []
  for (let page = await consumer.asks({ after, limit: 2 }); page.body.events.length > 0; page = await consumer.asks({ after, limit: 2 })) {
    pages.push(page.body.events)
    after = page.body.next
  }
  expect(pages.map((page) => page.length)).toEqual([2, 1])
  expect(pages.flat()).toEqual(all)
  expect(all.map(({ data }: { data: { upload_id: string } }) => data.upload_id)).toEqual(ids)
})

test('without a cursor the feed begins at the oldest kept event', async ({ gateway, client, consumer }) => {
  const [id = ''] = acceptedIds(await client.pictures(await logo()))
  await gateway.promotes(id)
  await relays(gateway)
  const { body } = await consumer.asks({ limit: 1 })
  expect(body.events).toHaveLength(1)
  expect(body.events[0].data.upload_id).not.toBe(id)
})

test('only the requested types are returned, and the cursor still advances', async ({ gateway, client, consumer }) => {
  const after = await consumer.latest()
  const [id = '', cancelled = ''] = acceptedIds(await client.pictures(await logo(), await logo('other.png')))
  await gateway.promotes(id)
  await gateway.database.uploads.cancel(cancelled, refusal('cancelled', { filename: 'other.png' }))
  await gateway.store.purge(`quarantine/${cancelled}`)
  await relays(gateway)

  const types = 'upload.parked,upload.rejected'
  const { body } = await consumer.asks({ after, types })
  expect(body.events).toMatchObject([{ type: 'upload.rejected', data: { upload_id: cancelled, error: { code: 'cancelled' } } }])
  const none = await consumer.asks({ after, types: 'asset.expiring' })
  expect(none.body.events).toEqual([])
  expect(none.body.next).toBe((await consumer.asks({ after })).body.next)
})

test('a waiting request is answered as soon as there is an event', async ({ gateway, client, consumer }) => {
  const after = await consumer.latest()
  const waiting = consumer.asks({ after, wait: 20 })
  const filtered = consumer.asks({ after, wait: 2, types: 'asset.deleted' })
  const [id = ''] = acceptedIds(await client.pictures(await logo()))
  await gateway.promotes(id)
  const happened = performance.now()
  await relays(gateway)
  const { body } = await waiting
  expect(performance.now() - happened).toBeLessThan(5000)
  expect(body.events).toMatchObject([{ data: { upload_id: id } }])
  expect((await filtered).body, 'an event of another type only moves the cursor').toEqual({ events: [], next: body.next })
})

test('after the timeout the response is empty with a valid cursor', async ({ consumer }) => {
  const after = await consumer.latest()
  const began = performance.now()
  const { status, body } = await consumer.asks({ after, wait: 1 })
  expect(status).toBe(200)
  expect(body).toEqual({ events: [], next: after })
  expect(performance.now() - began).toBeGreaterThan(900)
})

const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

test.for([
  [{ wait: 26 }, 'request_malformed'],
  [{ wait: -1 }, 'request_malformed'],
  [{ wait: 'long' }, 'request_malformed'],
  [{ wait: 0.5 }, 'request_malformed'],
  [{ limit: 0 }, 'request_malformed'],
  [{ limit: 1001 }, 'request_malformed'],
  [{ types: 'upload.received' }, 'request_malformed'],
  [{ types: '' }, 'request_malformed'],
  [{ after: '' }, 'cursor_malformed'],
  [{ after: '7' }, 'cursor_malformed'],
  [{ after: encoded([-1, null]) }, 'cursor_malformed'],
  [{ after: encoded([1e300, null]) }, 'cursor_malformed'],
  [{ after: encoded([1, 'x']) }, 'cursor_malformed'],
  [{ after: encoded([1, 2, 3]) }, 'cursor_malformed'],
  [{ after: encoded({ position: 1 }) }, 'cursor_malformed'],
  [{ after: `${encoded([0, null])}=` }, 'cursor_malformed'],
  [{ after: 'a'.repeat(201) }, 'request_malformed'],
] as const)('GET /api/events with %j → 400 %s', async ([query, code], { consumer }) => {
  expect(await consumer.asks(query)).toMatchObject({ status: 400, body: { code } })
})

test('only services can read the feed: 401 without a token, 403 without the scope', async ({ gateway, client }) => {
  expect(await answerOf(await fetch(`${gateway.url}/api/events`))).toMatchObject({ status: 401, body: { code: 'token_missing' } })
  expect(await client.get('/api/events')).toMatchObject({ status: 403, body: { code: 'scope_missing' } })
  expect(await new Consumer(gateway, 'ops').asks()).toMatchObject({ status: 403, body: { code: 'scope_missing' } })
})

test('a cursor before the oldest kept event is 410 with that event; without a cursor the feed begins there', {
  meta: { id: 'feed-cursor-expired' },
}, async ({ gateway, client, consumer, sql }) => {
  const before = (await consumer.asks({ limit: 1 })).body.next
  const [first = '', second = ''] = acceptedIds(await client.pictures(await logo(), await logo('second.png')))
  await gateway.promotes(first)
  await relays(gateway)
  const atEdge = await consumer.latest()
  await gateway.promotes(second)
  await relays(gateway)
  await sql.query(`update events set positioned_at = positioned_at - interval '30 days' where upload_id <> $1`, [second])
  await gateway.database.events.prune({ olderThanDays: 30, limit: 1000 })

  const { body } = await consumer.asks()
  expect(body.events).toMatchObject([{ data: { upload_id: second } }])
  expect(await consumer.asks({ after: before, wait: 20 })).toMatchObject({
    status: 410,
    body: {
      code: 'cursor_gone',
      detail: expect.stringContaining(
        `have been deleted. Without 'after' the feed starts at the oldest event that is kept, of ${body.events[0].timestamp}.`,
      ),
    },
  })
  expect((await consumer.asks({ after: atEdge })).body, 'no event after this cursor has been removed').toEqual(body)
})

test('a cursor of another feed, or from before a restore, is 410', {
  meta: { id: 'feed-cursor-of-another-feed' },
}, async ({ gateway, client, consumer }) => {
  const [id = ''] = acceptedIds(await client.pictures(await logo()))
  await gateway.promotes(id)
  await relays(gateway)
  const [position] = JSON.parse(Buffer.from(await consumer.latest(), 'base64url').toString())
  for (const after of [
    [position + 1, randomUUID()],
    [position + 1, null],
    [position, randomUUID()],
    [position, null],
  ]) {
    expect(await consumer.asks({ after: encoded(after) })).toMatchObject({
      status: 410,
      body: { code: 'cursor_gone', detail: expect.stringContaining('another feed') },
    })
  }
})

test('a hundred waiting requests share one subscription, and all get the event', async ({ gateway, client, sql }) => {
  const consumers = Array.from({ length: 100 }, () => new Consumer(gateway))
  const after = (await consumers[0]?.latest()) ?? ''
  const waiting = consumers.map((consumer) => consumer.asks({ after, wait: 25 }))
  const count = async (where: string) =>
    Number((await sql.query(`select count(*) from pg_stat_activity where datname = current_database() and ${where}`)).rows[0].count)
  await expect.poll(() => connectionsOf(gateway), { timeout: 20_000 }).toBeGreaterThanOrEqual(100)
  await expect.poll(() => count(`application_name = 'gateway-test' and state <> 'idle'`), { timeout: 20_000 }).toBe(0)
  expect(await count(`application_name = 'airlock-gateway-events'`)).toBe(1)
  expect(await count(`application_name = 'gateway-test'`)).toBeLessThanOrEqual(5)

  const [id = ''] = acceptedIds(await client.pictures(await logo()))
  await gateway.promotes(id)
  await relays(gateway)
  for (const { status, body } of await Promise.all(waiting)) {
    expect(status).toBe(200)
    expect(body.events).toMatchObject([{ data: { upload_id: id } }])
  }
})

const connectionsOf = ({ gateway }: RunningGateway): Promise<number> =>
  new Promise((resolve, reject) => gateway.app.server.getConnections((error, count) => (error ? reject(error) : resolve(count))))

/** The time of the gateway's last query for events. */
const lastQuery = async (sql: pg.Client): Promise<string> => {
  const query = `select max(query_start)::text as at from pg_stat_activity where application_name = 'gateway-test' and query like '%from event_relay%'`
  return (await sql.query(query)).rows[0].at
}

test('a disconnected consumer is dropped, and a waiting one is answered at once when the gateway stops', {
  meta: { id: 'feed-gateway-stops' },
}, async () => {
  const gateway = await startGateway({ pollEveryMs: { listening: 20, lost: 20 } })
  const sql = new pg.Client({ connectionString: gateway.servers.databaseUrl })
  await sql.connect()
  try {
    const consumer = new Consumer(gateway)
    const after = await consumer.latest()
    const leaving = new AbortController()
    const left = consumer.asks({ after, wait: 25 }, leaving.signal)
    const queriedAt = await lastQuery(sql)
    await expect.poll(() => lastQuery(sql), { timeout: 20_000 }).not.toBe(queriedAt)
    leaving.abort()
    await expect(left).rejects.toThrow('aborted')
    // a waiting request would query every 20 ms
    await expect
      .poll(
        async () => {
          const before = await lastQuery(sql)
          await setTimeout(300)
          return (await lastQuery(sql)) === before
        },
        { timeout: 20_000 },
      )
      .toBe(true)

    const idle = await lastQuery(sql)
    const began = performance.now()
    const waiting = consumer.asks({ after, wait: 25 })
    await expect.poll(() => lastQuery(sql), { timeout: 20_000 }).not.toBe(idle)
    const finished = gateway.gateway.shutdown.drain()
    expect(await waiting).toMatchObject({ status: 200, body: { events: [], next: after } })
    await finished
    expect(performance.now() - began).toBeLessThan(10_000)
  } finally {
    await sql.end()
    await gateway.close()
  }
})

test('while Postgres is unavailable it is 503, also for waiting requests, and cursors stay valid', {
  meta: { id: 'feed-database-unavailable' },
  timeout: 60_000,
}, async () => {
  const postgres = await privateServer('postgres')
  await migrate({ url: postgres.address.url, log: silent })
  const gateway = await startGateway({ databaseUrl: postgres.address.url, pollEveryMs: { listening: 60_000, lost: 100 } })
  try {
    const consumer = new Consumer(gateway)
    const after = await consumer.latest()
    const sql = new pg.Client({ connectionString: postgres.address.url })
    await sql.connect()
    const queriedAt = await lastQuery(sql)
    const waiting = consumer.asks({ after, wait: 25 })
    await expect.poll(() => lastQuery(sql), { timeout: 20_000 }).not.toBe(queriedAt)
    await sql.end()
    await postgres.stop()
    expect(await waiting).toMatchObject({ status: 503, body: { code: 'database_unavailable' } })
    const refused = await consumer.asks({ after })
    expect(refused).toMatchObject({ status: 503, body: { code: 'database_unavailable' } })
    expect(refused.headers.get('retry-after')).toBe('5')
    await postgres.start()
    await expect.poll(async () => (await consumer.asks({ after })).status, { timeout: 15_000 }).toBe(200)
  } finally {
    await gateway.close()
    await postgres.drop()
  }
})

test('commits in adverse order hide no event from a continuous reader', {
  meta: { id: 'feed-commits-out-of-order' },
  timeout: 60_000,
}, async ({ gateway, consumer }) => {
  let after = await consumer.latest()
  const { uploadIds, commits, close } = await openDeletions(gateway, 24)
  const seen: string[] = []
  const tooLong = AbortSignal.timeout(20_000)
  const reads = async () => {
    while (seen.length < uploadIds.length) {
      const { body } = await consumer.asks({ after, wait: 1, limit: 3 }, tooLong)
      seen.push(...body.events.map(({ data }: { data: { upload_id: string } }) => data.upload_id))
      after = body.next
    }
  }
  const reading = reads()
  // the transactions commit in the reverse order of their writes, and the relay runs after each commit
  for (const commit of commits.toReversed()) {
    await Promise.all([commit(), relays(gateway)])
  }
  await relays(gateway)
  await reading
  await close()
  expect(seen.toSorted()).toEqual(uploadIds.toSorted())
  expect((await consumer.asks({ after })).body.events).toEqual([])
})
