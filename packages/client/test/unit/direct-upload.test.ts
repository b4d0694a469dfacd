import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect } from 'vitest'
import { type Airlock, AirlockError, type Progress } from '../../src/node.ts'
import { FakeDirectDoor } from '../fake-direct-door.ts'
import { assetId, type FakeGateway, failureOf, goodRoutes, job, jobId, picture, problem, test } from '../fake-gateway.ts'

const folder = mkdtempSync(join(tmpdir(), 'airlock-client-'))
afterAll(() => rmSync(folder, { recursive: true }))

const bytes = randomBytes(10_500)
const contentHash = createHash('sha256').update(bytes).digest('hex')
const path = join(folder, 'scene.mp4')
writeFileSync(path, bytes)

const options = { assetType: 'generated_video', projectId: 'p', door: 'direct' } as const
const complete = `POST /api/uploads/${jobId}/complete`
const abort = `DELETE /api/uploads/${jobId}`

/** The asset whose bytes the store has received. */
const assetWith = (content_hash: string | null) => ({
  [`GET /api/assets/${assetId}`]: [{ json: { asset_id: assetId, content_hash, original_filename: 'scene.mp4' } }],
})

/** A JWT, as far as the client reads it. */
const tokenOf = (sub: string) => `x.${Buffer.from(JSON.stringify({ sub })).toString('base64url')}.x`

const doorOf = (gateway: FakeGateway, hash: string | null = contentHash, partBytes = 1000) => {
  const door = new FakeDirectDoor(gateway, { partBytes })
  gateway.routes = { ...gateway.routes, ...assetWith(hash) }
  return door
}

test('a file is sent to the store in parts, with no byte through the gateway, and becomes an asset', async ({ gateway, client }) => {
  const door = doorOf(gateway)
  const seen: Progress[] = []

  const asset = await client().upload(path, { ...options, metadata: { take: 3 }, onProgress: (progress) => seen.push(progress) })

  expect(asset).toMatchObject({ asset_id: assetId })
  expect(door.bytes.equals(bytes)).toBe(true)
  expect(JSON.parse(gateway.to('POST /api/uploads')[0]?.body.toString() ?? '')).toEqual({
    ...{ asset_type: 'generated_video', project_id: 'p', metadata: { take: 3 } },
    files: [{ filename: 'scene.mp4', mime_type: 'application/octet-stream', size_bytes: bytes.length }],
  })
  const puts = gateway.requests.filter(({ method }) => method === 'PUT')
  expect(puts).toHaveLength(11)
  for (const { headers } of puts) expect(headers.authorization).toBeUndefined()
  expect(puts.find(({ path }) => path === '/store/1')?.headers).toMatchObject({ 'x-amz-part': '1', 'content-length': '1000' })
  expect(gateway.to(`POST /api/uploads/${jobId}/parts`).map(({ body }) => JSON.parse(body.toString()).numbers.length)).toEqual([
    11, // each URL once, although parts are sent in parallel
  ])
  expect(gateway.to('POST /api/upload')).toHaveLength(0)
  expect(seen.map(({ sentBytes }) => sentBytes)).toEqual(seen.map(({ sentBytes }) => sentBytes).toSorted((a, b) => a - b))
  expect(seen.at(-1)).toEqual({ stage: 'processing', sentBytes: bytes.length, totalBytes: bytes.length, jobId: expect.any(String) })
})

test('the door follows from the size: up to 16 MiB a form', async ({ gateway, client }) => {
  const door = doorOf(gateway, null, 8 * 2 ** 20)
  const file = (size: number) => new File([new Uint8Array(size)], 'a.mp4')
  await client().upload(file(16 * 2 ** 20), { assetType: 'generated_video' })
  expect([gateway.to('POST /api/upload').length, gateway.to('POST /api/uploads').length]).toEqual([1, 0])
  await client().upload(file(16 * 2 ** 20 + 1), { assetType: 'generated_video' })
  expect([gateway.to('POST /api/upload').length, gateway.to('POST /api/uploads').length]).toEqual([1, 1])
  expect(door.bytes.length).toBe(16 * 2 ** 20 + 1)
})

test('at a gateway without a direct door a large file is sent as a form, unless the caller wants the door', async ({ gateway, client }) => {
  gateway.routes = { ...goodRoutes, 'POST /api/uploads': [{ status: 404, json: problem('route_not_found') }] }
  const file = new File([new Uint8Array(17 * 2 ** 20)], 'a.mp4')
  expect(await client().upload(file, { assetType: 'generated_video' })).toMatchObject({ asset_id: assetId })
  expect(await failureOf(client().upload(file, options))).toMatchObject({ code: 'route_not_found' })
})

test('parts whose connection breaks, whose URL has expired or whose store fails are sent again, with new URLs', async ({
  gateway,
  client,
}) => {
  const door = doorOf(gateway)
  const xml = (status: number) => ({ status, text: '<Error><Code>AccessDenied</Code></Error>' })
  door.faults.set(1, ['reset', 'reset', 'reset'])
  door.faults.set(3, [xml(403)])
  door.faults.set(5, [xml(500), xml(400)])
  door.faults.set(11, [xml(503), 'reset'])

  await client().upload(path, options)

  expect(door.bytes.equals(bytes)).toBe(true)
  expect(gateway.requests.filter(({ path }) => path === '/store/1')).toHaveLength(4)
})

test('a small file in one PUT is complete if a repetition finds it there', async ({ gateway, client }) => {
  doorOf(gateway, createHash('sha256').update('the bytes of a picture').digest('hex'))
  const put = { url: `${gateway.url}/once`, headers: { 'if-none-match': '*' }, expires_at: '' }
  const uploads = [{ index: 0, upload_id: jobId, capability: 'cap_of-this-upload', put }]
  gateway.routes = {
    ...gateway.routes,
    'POST /api/uploads': [{ status: 201, json: { uploads, rejected: [] } }],
    [`POST /api/uploads/${jobId}/parts`]: [{ json: { parts: [{ number: 1, ...put }] } }],
    'PUT /once': ['reset', { status: 412, text: '<Error/>' }],
    [complete]: [{ status: 202, json: { uploads: [{ job_id: jobId }], rejected: [] } }],
  }
  expect(await client().upload(picture(), { ...options, assetType: 'brand_image' })).toMatchObject({ asset_id: assetId })
  expect(gateway.to('PUT /once').map(({ headers }) => headers['if-none-match'])).toEqual(['*', '*'])
})

test('parts that the store has lost are sent again when the upload turns out to be incomplete', async ({ gateway, client }) => {
  const door = doorOf(gateway)
  const originalComplete = gateway.routes[complete] ?? []
  gateway.routes = {
    ...gateway.routes,
    [complete]: [
      () => {
        door.parts.delete(4)
        return { status: 409, json: problem('upload_incomplete') }
      },
      ...originalComplete,
    ],
  }
  await client().upload(path, options)
  expect(door.bytes.equals(bytes)).toBe(true)
  expect(gateway.to('PUT /store/4')).toHaveLength(2)
})

test('a refused file is an error with its reason, and an upload that has ended ends the sending', async ({ gateway, client }) => {
  const door = doorOf(gateway)
  const rejected = [{ index: 0, filename: 'scene.mp4', code: 'file_too_large', error: '', detail: 'It is too large.' }]
  const good = gateway.routes
  gateway.routes = { ...good, 'POST /api/uploads': [{ status: 413, json: { ...problem('file_too_large'), rejected } }] }
  expect(await failureOf(client().upload(path, options))).toMatchObject({ code: 'file_too_large', detail: 'It is too large.', status: 413 })

  gateway.routes = good
  door.faults.set(2, Array(20).fill({ status: 403, text: '<Error/>' }))
  const uploading = failureOf(client().upload(path, options))
  await expect.poll(() => gateway.to('PUT /store/2').length).toBeGreaterThan(1)
  door.ended = { status: 410, json: problem('upload_expired') }
  expect(await uploading).toMatchObject({ code: 'upload_expired', status: 410 })
})

test('an aborted upload is aborted at the gateway too', async ({ gateway, client }) => {
  const door = doorOf(gateway)
  door.faults.set(7, ['hang'])
  const abortion = new AbortController()
  const uploading = failureOf(client().upload(path, { ...options, signal: abortion.signal }))
  await expect.poll(() => door.parts.size).toBe(10)
  abortion.abort()
  expect(await uploading).toMatchObject({ code: 'aborted' })
  expect(gateway.to(abort)).toHaveLength(1)
  expect(gateway.to(complete)).toHaveLength(0)
})

test('an asset with another hash is not the file: it is deleted, and the upload fails', async ({ gateway, client }) => {
  doorOf(gateway, 'another hash')
  gateway.routes = { ...gateway.routes, [`DELETE /api/assets/${assetId}`]: [{ status: 204 }] }

  expect(await failureOf(client().upload(path, options))).toMatchObject({ code: 'digest_mismatch', jobId })
  expect(gateway.to(`DELETE /api/assets/${assetId}`)).toHaveLength(1)
})

test('a failed job is not cancelled: its bytes are kept for the operators', async ({ gateway, client }) => {
  doorOf(gateway)
  const error = { code: 'processing_failed', error: '', detail: 'A fault.' } as const
  gateway.routes = { ...gateway.routes, 'GET /api/jobs/events': [{ jobs: [job('failed', { error })] }] }
  expect(await failureOf(client().upload(path, options))).toMatchObject({ code: 'processing_failed', jobId })
  expect(gateway.requests.filter(({ method }) => method === 'DELETE')).toEqual([])
})

const resumeFile = join(folder, 'uploads.json')

/** An upload of which some parts arrive, until its program gives up. */
async function interrupted(gateway: FakeGateway, upload: Airlock['upload'], door: FakeDirectDoor): Promise<void> {
  door.faults.set(9, Array(1000).fill('reset'))
  expect(await failureOf(upload(path, options))).toMatchObject({ code: 'network_error' })
  expect(gateway.to(abort)).toHaveLength(0)
  expect(door.parts.size).toBeGreaterThan(3)
  door.faults.clear()
}

test('after a restart an upload continues with the parts that are missing, and is then forgotten', async ({ gateway, client }) => {
  const door = doorOf(gateway)
  const impatient = client({ token: tokenOf('anna'), resumeFile, retry: { forMs: 300, firstMs: 10 } })
  await interrupted(gateway, (...call) => impatient.upload(...call), door)
  expect(statSync(resumeFile).mode & 0o777).toBe(0o600)
  const before = door.parts.size

  const asset = await client({ token: tokenOf('anna'), resumeFile }).upload(path, options)

  expect(asset).toMatchObject({ asset_id: assetId })
  expect(door.bytes.equals(bytes)).toBe(true)
  expect(gateway.to('POST /api/uploads')).toHaveLength(1)
  expect(gateway.requests.filter(({ method, path }) => method === 'PUT' && path !== '/store/9').length).toBeLessThanOrEqual(
    before + 11 - before,
  )
  expect(JSON.parse(readFileSync(resumeFile, 'utf8'))).toEqual({})
})

const strangers: [name: string, change: (gateway: FakeGateway, door: FakeDirectDoor) => { token?: string }][] = [
  ['another user', () => ({ token: tokenOf('berta') })],
  [
    'a changed file',
    () => {
      utimesSync(path, new Date(), new Date(Date.now() + 5000))
      return {}
    },
  ],
]
test.for(strangers)('%s does not continue an upload', async ([, change], { gateway, client }) => {
  const door = doorOf(gateway)
  const impatient = client({ token: tokenOf('anna'), resumeFile, retry: { forMs: 300, firstMs: 10 } })
  await interrupted(gateway, (...call) => impatient.upload(...call), door)

  const { token = tokenOf('anna') } = change(gateway, door)
  await client({ token, resumeFile }).upload(path, options)

  expect(gateway.to('POST /api/uploads')).toHaveLength(2)
  rmSync(resumeFile)
})

test('an upload that has expired in the meantime begins anew', async ({ gateway, client }) => {
  const door = doorOf(gateway)
  const impatient = client({ token: tokenOf('anna'), resumeFile, retry: { forMs: 300, firstMs: 10 } })
  await interrupted(gateway, (...call) => impatient.upload(...call), door)
  const parts = `GET /api/uploads/${jobId}/parts`
  gateway.routes = { ...gateway.routes, [parts]: [{ status: 410, json: problem('upload_expired') }] }
  await client({ token: tokenOf('anna'), resumeFile }).upload(path, options)
  expect(gateway.to('POST /api/uploads')).toHaveLength(2)
})

test('a damaged file of unfinished uploads, and one that cannot be written, are no obstacle', async ({ gateway, client }) => {
  doorOf(gateway)
  writeFileSync(resumeFile, '{"half')
  await client({ token: tokenOf('anna'), resumeFile }).upload(path, options)
  await client({ token: tokenOf('anna'), resumeFile: join(folder, 'missing/uploads.json') }).upload(path, options)
  expect(existsSync(join(folder, 'missing'))).toBe(false)
})

test('the same file several times at once is as many uploads', async ({ gateway, client }) => {
  const door = doorOf(gateway)
  door.faults.set(9, Array(8).fill('reset'))
  const airlock = client({ token: tokenOf('anna'), resumeFile })
  const first = airlock.upload(path, options)
  await expect.poll(() => door.parts.size).toBeGreaterThan(3)
  await Promise.all([first, airlock.upload(path, options), airlock.upload(path, options)])
  expect(gateway.to('POST /api/uploads')).toHaveLength(3)
})

test('without a file for it nothing is kept: an upload that fails is aborted, so that it does not count as open', async ({
  gateway,
  client,
}) => {
  const door = doorOf(gateway)
  door.faults.set(9, Array(1000).fill('reset'))
  const failure = await failureOf(client({ retry: { forMs: 200, firstMs: 10 } }).upload(path, options))
  expect(failure).toBeInstanceOf(AirlockError)
  expect(gateway.to(abort)).toHaveLength(1)
})

test('a file that becomes shorter while it is sent is an error', async ({ gateway, client }) => {
  const door = doorOf(gateway)
  const shrinking = join(folder, 'shrinking.mp4')
  writeFileSync(shrinking, bytes)
  door.faults.set(1, ['reset', 'reset'])
  gateway.routes = {
    ...gateway.routes,
    [`POST /api/uploads/${jobId}/parts`]: [
      () => {
        writeFileSync(shrinking, 'short')
        return 'reset' as const
      },
      ...(gateway.routes[`POST /api/uploads/${jobId}/parts`] ?? []),
    ],
  }
  expect(await failureOf(client().upload(shrinking, options))).toMatchObject({ code: 'file_unreadable' })
  expect(gateway.to(abort)).toHaveLength(1)
})
