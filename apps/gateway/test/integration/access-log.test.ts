import { createHmac, randomUUID } from 'node:crypto'
import pg from 'pg'
import { expect } from 'vitest'
import { acceptedIds, answerOf, Client, formOf, logo, type RunningGateway, startGateway, test } from '../gateway.ts'

interface Row {
  user_id: string
  asset_id: string
  action: string
  result: string
  hours: number | null
  request_id: string
  ip_hash: string | null
}

async function sql<T extends object>({ servers }: RunningGateway, text: string, values: unknown[] = []): Promise<T[]> {
  const client = new pg.Client({ connectionString: servers.databaseUrl })
  await client.connect()
  const { rows } = await client.query(text, values)
  await client.end()
  return rows
}

const entriesOf = (gateway: RunningGateway, userId: string): Promise<Row[]> =>
  sql(gateway, 'select * from asset_access_log where user_id = $1 order by at, action', [userId])

async function asset(gateway: RunningGateway, client: Client): Promise<string> {
  const [id] = acceptedIds(await client.pictures(await logo()))
  if (id === undefined) throw new Error('nothing was accepted')
  await gateway.promotes(id)
  return (await client.get(`/api/jobs/${id}`)).body.asset_id
}

const fieldsOf = ({ asset_id, action, result, hours }: Row) => [action, result, hours, asset_id]

test('every access is logged within about a second, granted or refused', async ({ gateway, client }) => {
  const [mine, other, stranger] = [await asset(gateway, client), await asset(gateway, client), new Client(gateway.url)]
  const unknown = randomUUID()
  const read = await client.get(`/api/assets/${mine}?expiration_hours=3`)
  await client.get(`/api/assets/${mine}/presigned`)
  await client.get(`/api/assets/${unknown}`)
  await stranger.get(`/api/assets/${mine}/presigned?expiration_hours=1`)
  const brand = `/api/brands/${randomUUID()}/product-images`
  await client.sends('PUT', brand, { asset_ids: [mine, other] })
  await client.get(brand)
  await client.sends('PUT', brand, { asset_ids: [mine, unknown] })
  await client.sends('DELETE', `/api/assets/${mine}`)
  await client.sends('DELETE', `/api/assets/${mine}?force=true`)

  await expect.poll(async () => (await entriesOf(gateway, client.id)).length, { timeout: 5000 }).toBe(12)
  const entries = await entriesOf(gateway, client.id)
  expect(entries.map(fieldsOf).sort()).toEqual(
    [
      ['read', 'granted', 3, mine],
      ['presign', 'granted', 24, mine],
      ['read', 'asset_not_found', 24, unknown],
      ['link', 'granted', null, mine],
      ['link', 'granted', null, other],
      ['preview', 'granted', 24, mine],
      ['preview', 'granted', 24, other],
      ['preview', 'granted', 24, mine],
      ['preview', 'granted', 24, other],
      ['link', 'assets_not_found', null, unknown],
      ['delete', 'asset_in_use', null, mine],
      ['delete', 'granted', null, mine],
    ].sort(),
  )
  expect(entries.find(({ action }) => action === 'read')).toMatchObject({ request_id: read.headers.get('x-request-id'), ip_hash: null })
  expect((await entriesOf(gateway, stranger.id)).map(fieldsOf)).toEqual([['presign', 'asset_not_yours', 1, mine]])
})

test('a granted access updates last_accessed_at, a refused one does not', async ({ gateway, client }) => {
  const [used, refused] = [await asset(gateway, client), await asset(gateway, client)]
  await client.get(`/api/assets/${used}`)
  await new Client(gateway.url).get(`/api/assets/${refused}`)

  const accessed = async (id: string) => (await gateway.database.assets.byId(id))?.lastAccessedAt ?? null
  await expect.poll(() => accessed(used), { timeout: 5000 }).toBeInstanceOf(Date)
  expect(await accessed(refused)).toBeNull()
})

/** Marks an asset as unused for so long that the sweeper may delete it at any moment. */
const expires = (gateway: RunningGateway, id: string) =>
  sql(gateway, `update assets set created_at = now() - interval '98 days', expiring_at = now() - interval '1 ms' where id = $1`, [id])

test.for(['', '/presigned'])(
  'GET /api/assets/:id%s removes the mark of an unused asset before its URL is returned',
  { meta: { id: 'access-saves-before-url' } },
  async (suffix, { gateway, client }) => {
    const id = await asset(gateway, client)
    await expires(gateway, id)

    const { status, body } = await client.get(`/api/assets/${id}${suffix}`)

    expect(await gateway.database.assets.deleteExpired(id, { graceDays: 7 })).toBe('waits')
    expect(status).toBe(200)
    expect((await fetch(body.presigned_url)).status).toBe(200)
  },
)

test('an access keeps an asset that is marked after its row was read', async ({ gateway, client }) => {
  const id = await asset(gateway, client)
  await sql(gateway, `update assets set created_at = now() - interval '98 days' where id = $1`, [id])

  await client.get(`/api/assets/${id}/presigned`)

  expect(await gateway.database.assets.markExpiring(id, { days: 90, graceDays: 0 })).toBe(false)
})

test('an asset that has just been deleted as unused is 404, without a URL', async ({ gateway, client }) => {
  const id = await asset(gateway, client)
  await expires(gateway, id)
  const deletion = new pg.Client({ connectionString: gateway.servers.databaseUrl })
  await deletion.connect()
  await deletion.query('begin')
  await deletion.query('delete from assets where id = $1', [id])
  const answer = client.get(`/api/assets/${id}/presigned`)
  const waits = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
  await expect.poll(async () => (await sql(gateway, waits)).length).toBe(1)
  await deletion.query('commit')
  await deletion.end()

  expect(await answer).toMatchObject({ status: 404, body: { code: 'asset_not_found' } })
})

test('presigning a recently used asset takes one statement', async ({ gateway, client }) => {
  const id = await asset(gateway, client)
  const before = gateway.asked.postgres
  for (let i = 0; i < 10; i += 1) await client.get(`/api/assets/${id}/presigned`)
  expect(gateway.asked.postgres - before).toBe(10)
})

test('a URL in the response to an upload counts as an access', async ({ gateway, client }) => {
  const headers = { ...(await client.headers()), prefer: 'wait=10' }
  const body = formOf([['asset_type', 'brand_image'], await logo()])
  const waiting = fetch(`${gateway.url}/api/upload`, { method: 'POST', headers, body })
  await expect.poll(async () => (await gateway.uploads(client.id)).map(({ state }) => state)).toEqual(['received'])
  const [upload] = await gateway.uploads(client.id)
  await gateway.promotes(upload?.id ?? '')

  const { status, body: answer } = await answerOf(await waiting)

  expect(status).toBe(200)
  await expect
    .poll(async () => (await entriesOf(gateway, client.id)).map(fieldsOf), { timeout: 5000 })
    .toEqual([['upload', 'granted', 24, answer.uploads[0].asset_id]])
})

test('with a key the log contains an HMAC of the address, and closing writes pending entries', async () => {
  const gateway = await startGateway({ ipHashKey: 'a-key-of-the-tests-with-thirty-two-bytes' })
  try {
    const client = new Client(gateway.url)
    await client.get(`/api/assets/${randomUUID()}`)
    expect(await entriesOf(gateway, client.id)).toEqual([])

    await gateway.gateway.app.close()

    const hash = createHmac('sha256', 'a-key-of-the-tests-with-thirty-two-bytes').update('127.0.0.1').digest('hex')
    expect(await entriesOf(gateway, client.id)).toMatchObject([{ ip_hash: hash, result: 'asset_not_found' }])
  } finally {
    await gateway.close()
  }
})
