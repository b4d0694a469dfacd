import { randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import { acceptedIds, answerOf, Client, logo, photo, type RunningGateway, scene, test } from '../gateway.ts'

const pathOf = (brandId: string) => `/api/brands/${brandId}/product-images`

async function assetsOf(gateway: RunningGateway, client: Client, parts: Parameters<Client['uploads']>): Promise<string[]> {
  const ids = acceptedIds(await client.uploads(...parts))
  for (const id of ids) await gateway.promotes(id)
  return Promise.all(ids.map(async (id) => (await client.get(`/api/jobs/${id}`)).body.asset_id))
}

async function pictures(gateway: RunningGateway, client: Client, count = 3): Promise<string[]> {
  const files = await Promise.all(Array.from({ length: count }, (_, i) => (i % 2 === 0 ? logo(`logo-${i}.png`) : photo(`photo-${i}.jpg`))))
  return assetsOf(gateway, client, [['asset_type', 'brand_image'], ...files])
}

const idsIn = ({ body }: { body: { product_images: { asset_id: string }[] } }) => body.product_images.map(({ asset_id }) => asset_id)

test('a brand lists its linked pictures in order, each with a working URL', async ({ gateway, client }) => {
  const [a = '', b = '', c = ''] = await pictures(gateway, client)
  const brandId = randomUUID()

  const put = await client.sends('PUT', pathOf(brandId), { asset_ids: [c, a, b] })
  expect(put).toMatchObject({ status: 200, body: { brand_id: brandId } })
  expect(put.headers.get('cache-control')).toBe('no-store')
  expect(idsIn(put)).toEqual([c, a, b])

  const got = await client.get(pathOf(brandId))
  expect(got.status).toBe(200)
  expect(got.headers.get('cache-control')).toBe('no-store')
  expect(idsIn(got)).toEqual([c, a, b])
  const key = got.body.product_images[0].s3_key
  expect(got.body.product_images[0]).toEqual({
    asset_id: c,
    s3_key: expect.stringMatching(new RegExp(`^brand-images/${client.id}/`)),
    s3_url: `s3://${gateway.bucket.bucket}/${key}`,
    presigned_url: expect.stringContaining('X-Amz-Signature'),
    expiration_at: expect.any(String),
    original_filename: 'logo-2.png',
  })
  for (const { presigned_url } of got.body.product_images) expect((await fetch(presigned_url)).status).toBe(200)
  expect(Date.parse(got.body.product_images[0].expiration_at)).toBeGreaterThan(Date.now() + 23 * 3_600_000)

  expect(idsIn(await client.sends('PUT', pathOf(brandId.toUpperCase()), { asset_ids: [b.toUpperCase(), a] }))).toEqual([b, a])
  expect(idsIn(await client.get(pathOf(brandId)))).toEqual([b, a])
})

test('a brand has up to ten pictures, or none', async ({ gateway, client }) => {
  const ids = await pictures(gateway, client, 10)
  expect(idsIn(await client.sends('PUT', pathOf(randomUUID()), { asset_ids: ids }))).toEqual(ids)
  const brandId = randomUUID()
  expect(await client.get(pathOf(brandId))).toMatchObject({ status: 200, body: { brand_id: brandId, product_images: [] } })
})

test('each user has a separate list for the same brand', async ({ gateway, client }) => {
  const other = new Client(gateway.url)
  const [mine, theirs] = [await pictures(gateway, client, 2), await pictures(gateway, other, 2)]
  const brandId = randomUUID()
  await client.sends('PUT', pathOf(brandId), { asset_ids: mine })
  await other.sends('PUT', pathOf(brandId), { asset_ids: theirs })

  expect(idsIn(await client.get(pathOf(brandId)))).toEqual(mine)
  expect(idsIn(await other.get(pathOf(brandId)))).toEqual(theirs)
})

test('unknown and foreign pictures → 404, other kinds → 400, both with their ids and without a change', async ({ gateway, client }) => {
  const mine = await pictures(gateway, client, 2)
  const [foreign = ''] = await pictures(gateway, new Client(gateway.url), 1)
  const [video = ''] = await assetsOf(gateway, client, [['asset_type', 'generated_video'], ['project_id', randomUUID()], await scene()])
  const unknown = randomUUID()
  const brandId = randomUUID()
  await client.sends('PUT', pathOf(brandId), { asset_ids: mine })

  const missing = await client.sends('PUT', pathOf(brandId), { asset_ids: [mine[0], foreign, unknown] })
  expect(missing).toMatchObject({
    status: 404,
    body: { code: 'assets_not_found', detail: `You have no assets with these ids: ${foreign}, ${unknown}.` },
  })
  const wrong = await client.sends('PUT', pathOf(brandId), { asset_ids: [video, mine[0]] })
  expect(wrong).toMatchObject({
    status: 400,
    body: { code: 'not_brand_images', detail: expect.stringContaining(`these are not: ${video}.`) },
  })
  expect(await new Client(gateway.url).sends('PUT', pathOf(brandId), { asset_ids: mine })).toMatchObject({
    status: 404,
    body: { code: 'assets_not_found' },
  })

  expect(idsIn(await client.get(pathOf(brandId)))).toEqual(mine)
})

const [one, two] = [randomUUID(), randomUUID()]

test.for([
  ['one picture', { asset_ids: [one] }, 'request_malformed'],
  ['eleven pictures', { asset_ids: Array.from({ length: 11 }, () => randomUUID()) }, 'request_malformed'],
  ['a picture twice', { asset_ids: [one, two, one] }, 'asset_repeated'],
  ['a picture twice, once in capitals', { asset_ids: [one, one.toUpperCase()] }, 'asset_repeated'],
  ['an invalid id', { asset_ids: [one, '7'] }, 'id_malformed'],
  ['numbers', { asset_ids: [1, 2] }, 'id_malformed'],
  ['no list', {}, 'request_malformed'],
  ['null instead of a list', { asset_ids: null }, 'request_malformed'],
  ['an array', [one, two], 'request_malformed'],
] as const)('%s → 400', async ([, body, code], { client }) => {
  expect(await client.sends('PUT', pathOf(randomUUID()), body)).toMatchObject({ status: 400, body: { code } })
})

test('a body that is not JSON → 415, malformed JSON → 400, a malformed brand → 400, no token → 401', async ({ gateway, client }) => {
  const send = async (body: string | FormData, headers: Record<string, string> = {}) =>
    answerOf(await fetch(gateway.url + pathOf(randomUUID()), { method: 'PUT', headers: { ...(await client.headers()), ...headers }, body }))
  expect(await send('asset_ids=1')).toMatchObject({ status: 415, body: { code: 'not_json' } })
  expect(await send('a,b', { 'content-type': 'text/csv' })).toMatchObject({ status: 415, body: { code: 'not_json' } })
  const form = new FormData()
  form.append('asset_ids', one)
  expect(await send(form)).toMatchObject({ status: 415, body: { code: 'not_json' } })
  expect(await send('{"asset_ids":', { 'content-type': 'application/json' })).toMatchObject({
    status: 400,
    body: { code: 'request_malformed' },
  })
  expect(await send('{"__proto__":{"x":1}}', { 'content-type': 'application/json' })).toMatchObject({ status: 400 })

  for (const method of ['GET', 'PUT'] as const) {
    const body = method === 'PUT' ? { asset_ids: [one, two] } : undefined
    expect(await client.sends(method, pathOf('zapcut'), body)).toMatchObject({ status: 400, body: { code: 'id_malformed' } })
    expect(await answerOf(await fetch(gateway.url + pathOf(randomUUID()), { method }))).toMatchObject({
      status: 401,
      body: { code: 'token_missing' },
    })
  }
})
