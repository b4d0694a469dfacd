import { createHash, randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import { acceptedIds, Client, photo, type RunningGateway, test } from '../gateway.ts'

async function promoted(gateway: RunningGateway, client: Client, name = 'Grüße.jpg') {
  const file = await photo(name)
  const [id] = acceptedIds(await client.pictures(file))
  if (id === undefined) throw new Error('nothing was accepted')
  await gateway.promotes(id)
  const { body } = await client.get(`/api/jobs/${id}`)
  return { file, assetId: body.asset_id as string }
}

test('an asset is served by a URL that gives exactly the bytes that were uploaded', async ({ gateway, client }) => {
  const { file, assetId } = await promoted(gateway, client)

  const { status, body, headers } = await client.get(`/api/assets/${assetId}/presigned`)

  expect(status).toBe(200)
  expect(headers.get('cache-control')).toBe('no-store')
  expect(body).toMatchObject({
    asset_id: assetId,
    s3_url: expect.stringMatching(
      new RegExp(`^s3://${gateway.bucket.bucket}/brand-images/${client.id}/\\d+_[0-9a-f]{8}_Grue?ss?e.*\\.jpg$|^s3://.+_Gr.+e\\.jpg$`),
    ),
    original_filename: 'Grüße.jpg',
    size_bytes: file.bytes.byteLength,
    mime_type: 'image/jpeg',
    asset_type: 'brand_image',
    content_hash: createHash('sha256').update(file.bytes).digest('hex'),
  })
  const download = await fetch(body.presigned_url)
  expect(download.status).toBe(200)
  expect(download.headers.get('content-type')).toBe('image/jpeg')
  expect(download.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
  expect(Buffer.from(await download.arrayBuffer()).equals(file.bytes)).toBe(true)
  expect((await client.get(`/api/assets/${assetId}`)).body).toMatchObject({ asset_id: assetId, presigned_url: expect.any(String) })
})

test('a URL lives for as many hours as asked, 24 when nobody asks', async ({ gateway, client }) => {
  const { assetId } = await promoted(gateway, client)
  const hoursOf = async (query: string) => {
    const { body } = await client.get(`/api/assets/${assetId}/presigned${query}`)
    return Math.round((Date.parse(body.expiration_at) - Date.now()) / 3_600_000)
  }

  expect(await hoursOf('')).toBe(24)
  expect(await hoursOf('?expiration_hours=1')).toBe(1)
  expect(await hoursOf('?expiration_hours=168')).toBe(168)
})

test.for(['0', '169', '-1', '1.5', 'many', ''])('expiration_hours=%s → 400', async (hours, { gateway, client }) => {
  const { assetId } = await promoted(gateway, client)
  expect(await client.get(`/api/assets/${assetId}/presigned?expiration_hours=${hours}`)).toMatchObject({
    status: 400,
    body: { code: 'request_malformed' },
  })
})

test('an unknown asset → 404, a malformed id → 400, somebody else’s asset → 403', async ({ gateway, client }) => {
  const { assetId } = await promoted(gateway, client)

  for (const suffix of ['', '/presigned']) {
    expect(await client.get(`/api/assets/${randomUUID()}${suffix}`)).toMatchObject({ status: 404, body: { code: 'asset_not_found' } })
    expect(await client.get(`/api/assets/7${suffix}`)).toMatchObject({ status: 400, body: { code: 'id_malformed' } })
    expect(await new Client(gateway.url).get(`/api/assets/${assetId}${suffix}`)).toMatchObject({
      status: 403,
      body: { code: 'asset_not_yours' },
    })
  }
})
