import { createHash, randomUUID } from 'node:crypto'
import type { Provenance } from '@airlock/domain'
import { privateServer } from '@airlock/testkit'
import { Redis } from 'ioredis'
import { expect } from 'vitest'
import { acceptedIds, answerOf, Client, logo, photo, type RunningGateway, scene, startGateway, test } from '../gateway.ts'

async function promoted(gateway: RunningGateway, client: Client, name = 'Grüße.jpg') {
  const file = await photo(name)
  return { file, assetId: await promote(gateway, client, await client.pictures(file)) }
}

async function promote(gateway: RunningGateway, client: Client, answer: Awaited<ReturnType<Client['uploads']>>): Promise<string> {
  const [id] = acceptedIds(answer)
  if (id === undefined) throw new Error('nothing was accepted')
  await gateway.promotes(id)
  return (await client.get(`/api/jobs/${id}`)).body.asset_id
}

test('the URL of an asset returns exactly the uploaded bytes', async ({ gateway, client }) => {
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

test('a URL expires at most at the requested time, and at the earliest a quarter or an hour before; the default is 24 hours', async ({
  gateway,
  client,
}) => {
  const { assetId } = await promoted(gateway, client)
  const hoursOf = async (query: string) => {
    const { body } = await client.get(`/api/assets/${assetId}/presigned${query}`)
    return (Date.parse(body.expiration_at) - Date.now()) / 3_600_000
  }
  for (const [query, hours] of [
    ['', 24],
    ['?expiration_hours=1', 1],
    ['?expiration_hours=168', 168],
  ] as const) {
    const lives = await hoursOf(query)
    expect(lives).toBeLessThanOrEqual(hours)
    expect(lives).toBeGreaterThan(Math.max(hours - 1, (hours * 3) / 4) - 0.01)
  }
})

test.for(['0', '169', '-1', '1.5', 'many', ''])('expiration_hours=%s → 400', async (hours, { gateway, client }) => {
  const { assetId } = await promoted(gateway, client)
  expect(await client.get(`/api/assets/${assetId}/presigned?expiration_hours=${hours}`)).toMatchObject({
    status: 400,
    body: { code: 'request_malformed' },
  })
})

test('a browser shows or saves the file as requested, under its name', { meta: { id: 'download-disposition' } }, async ({
  gateway,
  client,
}) => {
  const { assetId } = await promoted(gateway, client)
  const dispositionOf = async (query: string) => {
    const { body } = await client.get(`/api/assets/${assetId}/presigned${query}`)
    return (await fetch(body.presigned_url)).headers.get('content-disposition')
  }
  expect(await dispositionOf('?disposition=inline')).toMatch(/^inline;.*filename\*=UTF-8''Gr%C3%BC%C3%9Fe\.jpg$/)
  for (const query of ['', '?disposition=attachment'])
    expect(await dispositionOf(query)).toMatch(/^attachment;.*filename\*=UTF-8''Gr%C3%BC%C3%9Fe\.jpg$/)
  expect(await client.get(`/api/assets/${assetId}/presigned?disposition=popup`)).toMatchObject({ status: 400 })
})

/** All commands that Redis receives during `act`, as one text. */
async function commandsDuring(redisUrl: string, act: () => Promise<void>): Promise<string> {
  const redis = new Redis(redisUrl)
  const monitor = await redis.monitor()
  const seen: string[] = []
  monitor.on('monitor', (_time: string, command: string[]) => seen.push(command.join(' ')))
  const last = `the last one, ${randomUUID()}`
  try {
    await act()
    await redis.echo(last)
    await expect.poll(() => seen.includes(`echo ${last}`), { timeout: 20_000 }).toBe(true)
  } finally {
    monitor.disconnect()
    redis.disconnect()
  }
  return seen.join('\n')
}

test('equal requests return the same URL with its true expiry on every gateway; other requests another one', async ({
  gateway,
  client,
}) => {
  const { assetId } = await promoted(gateway, client)
  const other = await startGateway({}, gateway)
  try {
    const ask = async (query: string, of = client) => (await of.get(`/api/assets/${assetId}/presigned${query}`)).body
    const onOther = client.at(other.url)
    // repeated if a time window ended in between
    const both = async () => [await ask('?expiration_hours=2'), await ask('?expiration_hours=2', onOther), await ask('?expiration_hours=2')]
    const endings = (await both()).map(({ expiration_at }) => expiration_at)
    const [first, elsewhere, again] = new Set(endings).size === 1 ? await both() : await both()

    expect([elsewhere.presigned_url, elsewhere.expiration_at]).toEqual([first.presigned_url, first.expiration_at])
    expect([again.presigned_url, again.expiration_at]).toEqual([first.presigned_url, first.expiration_at])
    const url = new URL(first.presigned_url)
    const signedAt = (url.searchParams.get('X-Amz-Date') ?? '').replace(/(....)(..)(..)T(..)(..)(..)Z/, '$1-$2-$3T$4:$5:$6Z')
    expect(Date.parse(first.expiration_at)).toBe(Date.parse(signedAt) + Number(url.searchParams.get('X-Amz-Expires')) * 1000)

    const urls = [first, await ask('?expiration_hours=3'), await ask('?expiration_hours=2&disposition=inline')]
    expect(new Set(urls.map(({ presigned_url }) => presigned_url)).size).toBe(3)
  } finally {
    await other.close()
  }
})

test('URLs are neither stored in Redis nor read from it', { meta: { id: 'no-url-in-redis' } }, async ({ gateway, client }) => {
  const { assetId } = await promoted(gateway, client)
  const { body: asset } = await client.get(`/api/assets/${assetId}`)
  const key = asset.s3_url.slice(`s3://${gateway.bucket.bucket}/`.length)
  const forged = JSON.stringify({ url: 'https://evil.example/forged', expiresAt: Date.now() + 3_600_000 })
  const server = await privateServer('redis') // other test files send commands to the shared one
  const redisUrl = server.address.url
  const own = await startGateway({ redisUrl }, gateway)
  try {
    const redis = new Redis(redisUrl)
    await redis.set(`${gateway.servers.queues.prefix}:presigned:86400::${key}`, forged, 'PX', 60_000)
    redis.disconnect()
    const answers: string[] = []

    const commands = await commandsDuring(redisUrl, async () => {
      for (const query of ['', '/presigned', '/presigned?expiration_hours=24&disposition=inline'])
        answers.push((await client.at(own.url).get(`/api/assets/${assetId}${query}`)).body.presigned_url)
    })

    expect(answers.filter((url) => !url.startsWith(gateway.bucket.endpoint))).toEqual([])
    expect(commands).toContain(client.id) // the request limit counts this user, so the commands of this gateway are visible
    expect(commands).not.toContain('X-Amz-Signature')
    expect(commands).not.toContain(key)
  } finally {
    await own.close()
    await server.drop()
  }
})

test('an issued URL is not returned to users without access', { meta: { id: 'old-url-helps-nobody' } }, async ({ gateway, client }) => {
  const { assetId } = await promoted(gateway, client)
  await client.get(`/api/assets/${assetId}`)

  expect(await new Client(gateway.url).get(`/api/assets/${assetId}`)).toMatchObject({ status: 403 })
  expect((await client.sends('DELETE', `/api/assets/${assetId}`)).status).toBe(204)
  expect(await client.get(`/api/assets/${assetId}`)).toMatchObject({ status: 404, body: { code: 'asset_not_found' } })
})

test('presigning needs no Redis', async () => {
  const redis = await privateServer('redis')
  const gateway = await startGateway({ redisUrl: redis.address.url })
  try {
    const client = new Client(gateway.url)
    const { assetId } = await promoted(gateway, client)
    await redis.stop()

    for (let i = 0; i < 3; i += 1) {
      const { status, body } = await client.get(`/api/assets/${assetId}`)
      expect(status).toBe(200)
      expect((await fetch(body.presigned_url)).status).toBe(200)
    }
  } finally {
    await gateway.close()
    await redis.drop()
  }
}, 60_000)

test('every asset route requires a token, and treats unknown, foreign and malformed ids alike', async ({ gateway, client }) => {
  const { assetId } = await promoted(gateway, client)
  const stranger = new Client(gateway.url)

  for (const [method, suffix] of [
    ['GET', ''],
    ['GET', '/presigned'],
    ['DELETE', ''],
  ] as const) {
    const path = (id: string) => `/api/assets/${id}${suffix}`
    expect(await answerOf(await fetch(gateway.url + path(assetId), { method }))).toMatchObject({
      status: 401,
      body: { code: 'token_missing' },
    })
    expect(await client.sends(method, path(randomUUID()))).toMatchObject({ status: 404, body: { code: 'asset_not_found' } })
    expect(await client.sends(method, path('7'))).toMatchObject({ status: 400, body: { code: 'id_malformed' } })
    expect(await client.sends(method, path(`urn:uuid:${assetId}`))).toMatchObject({ status: 400, body: { code: 'id_malformed' } })
    expect(await stranger.sends(method, path(assetId))).toMatchObject({ status: 403, body: { code: 'asset_not_yours' } })
  }
  expect(await answerOf(await fetch(`${gateway.url}/api/assets`))).toMatchObject({ status: 401, body: { code: 'token_missing' } })
  expect((await client.get(`/api/assets/${assetId.toUpperCase()}`)).status).toBe(200)
})

test('a deleted asset is 204, then 404, and its key is to be purged', async ({ gateway, client }) => {
  const { assetId } = await promoted(gateway, client)
  const { body } = await client.get(`/api/assets/${assetId}`)

  const deleted = await client.sends('DELETE', `/api/assets/${assetId}`)

  expect(deleted).toMatchObject({ status: 204, body: '' })
  expect(await client.sends('DELETE', `/api/assets/${assetId}`)).toMatchObject({ status: 404, body: { code: 'asset_not_found' } })
  expect((await client.get('/api/assets')).body).toEqual({ assets: [], next_cursor: null })
  const due = await gateway.database.purges.due({ limit: 100, leaseSeconds: 0 })
  expect(due.map(({ key }) => `s3://${gateway.bucket.bucket}/${key}`)).toContain(body.s3_url)
  expect(gateway.log.find(({ msg, assetId: of }) => msg === 'asset deleted' && of === assetId)).toMatchObject({ userId: client.id })
})

test('an asset that is linked to a brand can be deleted only with force', async ({ gateway, client }) => {
  const [{ assetId }, other] = [await promoted(gateway, client), await promoted(gateway, client)]
  const brand = `/api/brands/${randomUUID()}/product-images`
  expect((await client.sends('PUT', brand, { asset_ids: [assetId, other.assetId] })).status).toBe(200)

  for (const query of ['', '?force=false'])
    expect(await client.sends('DELETE', `/api/assets/${assetId}${query}`)).toMatchObject({ status: 409, body: { code: 'asset_in_use' } })
  expect(await client.sends('DELETE', `/api/assets/${assetId}?force=maybe`)).toMatchObject({ status: 400 })
  expect((await client.sends('DELETE', `/api/assets/${assetId}?force=true`)).status).toBe(204)

  const { body } = await client.get(brand)
  expect(body.product_images.map(({ asset_id }: { asset_id: string }) => asset_id)).toEqual([other.assetId])
})

/** All pages of a list, in order. */
async function pagesOf(client: Client, query = ''): Promise<string[][]> {
  const pages: string[][] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const { body }: { body: { assets: { asset_id: string }[]; next_cursor: string | null } } = await client.get(
      `/api/assets?${query}${cursor && `&cursor=${cursor}`}`,
    )
    pages.push(body.assets.map(({ asset_id }) => asset_id))
    cursor = body.next_cursor
  }
  return pages
}

test('a list returns the caller’s assets in pages, newest first, with s3_url and without presigned URLs', async ({ gateway, client }) => {
  const ids: string[] = []
  for (let i = 0; i < 5; i += 1) ids.unshift((await promoted(gateway, client)).assetId)
  await promoted(gateway, new Client(gateway.url))

  expect(await pagesOf(client)).toEqual([ids])
  expect(await pagesOf(client, 'limit=2')).toEqual([ids.slice(0, 2), ids.slice(2, 4), ids.slice(4)])
  expect(await pagesOf(client, 'limit=5')).toEqual([ids])
  expect(await pagesOf(new Client(gateway.url))).toEqual([[]])

  const { body, headers } = await client.get('/api/assets?limit=1')
  expect(headers.get('cache-control')).toBe('no-store')
  expect(body.assets[0]).toMatchObject({
    asset_id: ids[0],
    s3_url: expect.stringContaining(`s3://${gateway.bucket.bucket}/brand-images/`),
    asset_type: 'brand_image',
    original_filename: 'Grüße.jpg',
  })
  expect(body.assets[0]).not.toHaveProperty('presigned_url')
})

test('a list can be filtered by kind, project, brand and time', async ({ gateway, client }) => {
  const picture = await promote(gateway, client, await client.pictures(await logo()))
  const projectId = randomUUID()
  const video = await promote(
    gateway,
    client,
    await client.uploads(['asset_type', 'generated_video'], ['project_id', projectId], await scene()),
  )
  const { created_at: between } = (await client.get(`/api/assets/${video}`)).body

  expect(await pagesOf(client, 'asset_type=generated_video')).toEqual([[video]])
  expect(await pagesOf(client, 'asset_type=brand_image')).toEqual([[picture]])
  expect(await pagesOf(client, `project_id=${projectId.toUpperCase()}`)).toEqual([[video]])
  expect(await pagesOf(client, `project_id=${randomUUID()}`)).toEqual([[]])
  expect(await pagesOf(client, `brand_id=${randomUUID()}`)).toEqual([[]])
  expect(await pagesOf(client, `created_before=${between}`)).toEqual([[picture]])
  expect(await pagesOf(client, `created_after=${between}`)).toEqual([[]])
  expect(await pagesOf(client, 'created_after=2020-01-01T00:00:00%2B02:00')).toEqual([[video, picture]])
})

/** A picture whose inspection found this. @returns the ids of its asset and job */
async function pictureWith(gateway: RunningGateway, client: Client, provenance?: Provenance) {
  const [jobId = ''] = acceptedIds(await client.pictures(await logo()))
  await gateway.promotes(jobId, { width: 256, ...(provenance && { provenance }) })
  return { jobId, assetId: (await client.get(`/api/jobs/${jobId}`)).body.asset_id as string }
}

const declared = { generator: 'ComfyUI', digital_source_type: null, ai_generated: true }
const signed: Provenance = {
  present: true,
  state: 'valid',
  content: 'bound',
  generator: 'Example Maker 2.1',
  digital_source_type: 'digitalCapture',
  ai_generated: false,
  signer: 'Airlock test',
  signed_at: '2026-12-01T10:00:00Z',
  declared,
}

test('job, asset and list contain the provenance, null where it is unknown', async ({ gateway, client }) => {
  for (const provenance of [signed, { present: false, declared } as const, { present: false } as const, undefined]) {
    const { jobId, assetId } = await pictureWith(gateway, client, provenance)
    const expected = provenance ?? null
    expect((await client.get(`/api/jobs/${jobId}`)).body.provenance).toEqual(expected)
    expect((await client.get(`/api/jobs?ids=${jobId}`)).body.jobs[0].provenance).toEqual(expected)
    expect((await client.get(`/api/assets/${assetId}`)).body.provenance).toEqual(expected)
    expect((await client.get('/api/assets?limit=1')).body.assets[0].provenance).toEqual(expected)
  }
  const [queued] = acceptedIds(await client.pictures(await logo()))
  expect((await client.get(`/api/jobs/${queued}`)).body.provenance).toBeNull()
})

test('a list can be filtered by provenance and by what files state about AI', async ({ gateway, client }) => {
  const given = [signed, { ...signed, state: 'invalid', ai_generated: null }, { present: false, declared }, { present: false }, undefined]
  const ids: string[] = []
  for (const provenance of given as (Provenance | undefined)[]) ids.push((await pictureWith(gateway, client, provenance)).assetId)
  const [valid, invalid, markedOnly, unmarked] = ids

  expect(await pagesOf(client, 'provenance=valid')).toEqual([[valid]])
  expect(await pagesOf(client, 'provenance=trusted')).toEqual([[]])
  expect(await pagesOf(client, 'provenance=none&limit=1')).toEqual([[unmarked], [markedOnly]])
  expect(await pagesOf(client, 'ai_generated=true')).toEqual([[markedOnly, invalid]])
  expect(await pagesOf(client, 'ai_generated=false')).toEqual([[valid]])
  expect(await pagesOf(client, 'ai_generated=true&provenance=invalid&asset_type=brand_image')).toEqual([[invalid]])
})

const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

test.for([
  ['limit=0', 'request_malformed'],
  ['limit=101', 'request_malformed'],
  ['limit=ten', 'request_malformed'],
  ['asset_type=poster', 'request_malformed'],
  ['provenance=signed', 'request_malformed'],
  ['provenance=', 'request_malformed'],
  ['ai_generated=maybe', 'request_malformed'],
  ['ai_generated=1', 'request_malformed'],
  ['project_id=7', 'id_malformed'],
  [`brand_id=urn:uuid:${randomUUID()}`, 'id_malformed'],
  ['created_after=yesterday', 'request_malformed'],
  ['created_before=2016-12-31T23:59:60Z', 'request_malformed'],
  ['cursor=', 'cursor_malformed'],
  ['cursor=abc', 'cursor_malformed'],
  [`cursor=${encoded({ at: 1 })}`, 'cursor_malformed'],
  [`cursor=${encoded(['2026-01-01T00:00:00.000Z', 7])}`, 'cursor_malformed'],
  [`cursor=${encoded(['-271821-04-20T00:00:00.000Z', randomUUID()])}`, 'cursor_malformed'],
  [`cursor=${encoded(['+275760-09-13T00:00:00.000Z', randomUUID()])}`, 'cursor_malformed'],
  [`cursor=${encoded(['never', randomUUID()])}`, 'cursor_malformed'],
  [`cursor=${encoded(['2026-01-01', randomUUID()])}`, 'cursor_malformed'],
  [`cursor=${'a'.repeat(201)}`, 'request_malformed'],
] as const)('GET /api/assets?%s → 400 %s', async ([query, code], { client }) => {
  expect(await client.get(`/api/assets?${query}`)).toMatchObject({ status: 400, body: { code } })
})
