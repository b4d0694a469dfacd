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
  const client = new pg.Client({ connectionString: servers.db.url })
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

const asSaid = ({ asset_id, action, result, hours }: Row) => [action, result, hours, asset_id]

test('every access is written down, granted or refused, within a second or so', async ({ gateway, client }) => {
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
  expect(entries.map(asSaid).sort()).toEqual(
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
  expect((await entriesOf(gateway, stranger.id)).map(asSaid)).toEqual([['presign', 'asset_not_yours', 1, mine]])
})

test('an access moves last_accessed_at of what was granted, and of nothing else', async ({ gateway, client }) => {
  const [used, refused] = [await asset(gateway, client), await asset(gateway, client)]
  await client.get(`/api/assets/${used}`)
  await new Client(gateway.url).get(`/api/assets/${refused}`)

  const accessed = async (id: string) => (await gateway.database.assets.byId(id))?.lastAccessedAt ?? null
  await expect.poll(() => accessed(used), { timeout: 5000 }).toBeInstanceOf(Date)
  expect(await accessed(refused)).toBeNull()
})

test('a URL that goes out with the answer of an upload is an access as well', async ({ gateway, client }) => {
  const headers = { ...(await client.headers()), prefer: 'wait=10' }
  const body = formOf([['asset_type', 'brand_image'], await logo()])
  const waiting = fetch(`${gateway.url}/api/upload`, { method: 'POST', headers, body })
  await expect.poll(async () => (await gateway.uploads(client.id)).map(({ state }) => state)).toEqual(['received'])
  const [upload] = await gateway.uploads(client.id)
  await gateway.promotes(upload?.id ?? '')

  const { status, body: answer } = await answerOf(await waiting)

  expect(status).toBe(200)
  await expect
    .poll(async () => (await entriesOf(gateway, client.id)).map(asSaid), { timeout: 5000 })
    .toEqual([['upload', 'granted', 24, answer.uploads[0].asset_id]])
})

test('with a key the log keeps an HMAC of the address, and a gateway that closes writes what waits', async () => {
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
