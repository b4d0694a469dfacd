import { createHash, randomUUID } from 'node:crypto'
import { MiB } from '@airlock/domain'
import { type ObjectStore, StoreFailure } from '@airlock/storage'
import { ask } from '@airlock/testkit'
import { describe, expect } from 'vitest'
import { type Answer, Client, type FilePart, logo, photo, type RunningGateway, startGateway, test } from '../gateway.ts'

/** A program that has an upload's capability and no token. */
class Holder extends Client {
  readonly #capability: string

  constructor(url: string, capability: string) {
    super(url)
    this.#capability = capability
  }

  override async token(): Promise<string> {
    return this.#capability
  }
}

const declared = ({ name, type, bytes }: FilePart) => ({ filename: name, mime_type: type, size_bytes: bytes.byteLength })

const opening = (...files: object[]) => ({ asset_type: 'brand_image', files })

async function opens(client: Client, file: FilePart, given: object = {}): Promise<Answer['body']> {
  const { status, body } = await client.sends('POST', '/api/uploads', { ...opening({ ...declared(file), ...given }) })
  expect({ status, body }).toMatchObject({ status: 201, body: { rejected: [] } })
  return body.uploads[0]
}

async function put({ url, headers }: { url: string; headers: Record<string, string> }, bytes: Uint8Array): Promise<number> {
  const response = await fetch(url, { method: 'PUT', headers, body: new Uint8Array(bytes) })
  await response.arrayBuffer()
  return response.status
}

const holderOf = (gateway: RunningGateway, { capability }: { capability: string }) => new Holder(gateway.url, capability)

/** Sends all parts with nothing but the capability. */
async function sends(gateway: RunningGateway, upload: Answer['body'], { bytes }: FilePart): Promise<void> {
  const holder = holderOf(gateway, upload)
  const { body: stored } = await holder.get(upload.parts_url)
  const numbers = Array.from({ length: stored.part_count }, (_, i) => i + 1)
  const { body } = await holder.sends('POST', upload.parts_url, { numbers })
  for (const part of body.parts) {
    const from = (part.number - 1) * stored.part_size_bytes
    expect(await put(part, bytes.subarray(from, from + part.size_bytes))).toBe(200)
  }
}

const large = async (): Promise<FilePart> => {
  const { bytes } = await photo()
  const padded = new Uint8Array(6 * MiB)
  padded.set(bytes)
  return { name: 'large.jpg', type: 'image/jpeg', bytes: padded }
}

test('a small file goes to the bucket in one PUT, and becomes an asset', async ({ gateway, client }) => {
  const file = await photo()
  const sha256 = createHash('sha256').update(file.bytes).digest('hex')
  const upload = await opens(client, file, { sha256 })
  expect(upload).toMatchObject({
    index: 0,
    put: { headers: { 'if-none-match': '*', 'x-amz-checksum-sha256': expect.any(String) } },
    complete_url: `/api/uploads/${upload.upload_id}/complete`,
    status_url: `/api/jobs/${upload.upload_id}`,
  })
  expect(await put(upload.put, file.bytes)).toBe(200)

  const { status, body } = await client.sends('POST', upload.complete_url)

  expect(status).toBe(202)
  expect(body.uploads).toMatchObject([
    { upload_id: upload.upload_id, status: 'queued', size_bytes: file.bytes.byteLength, mime_type: 'image/jpeg', content_hash: null },
  ])
  await gateway.promotes(upload.upload_id)
  const again = await ask(gateway.url + upload.complete_url, { method: 'POST', token: await client.token(), headers: { prefer: 'wait=5' } })
  expect(again).toMatchObject({
    status: 200,
    body: { uploads: [{ status: 'completed', content_hash: sha256, asset_id: expect.any(String), presigned_url: expect.any(String) }] },
  })
})

test('a large file goes in parts, with the capability alone', async ({ gateway, client }) => {
  const file = await large()
  const upload = await opens(client, file)
  expect(upload.multipart).toEqual({ part_size_bytes: 5 * MiB, part_count: 2 })
  const holder = holderOf(gateway, upload)
  expect(await holder.get(upload.status_url)).toMatchObject({ status: 404, body: { code: 'job_not_found' } })
  expect(await holder.sends('POST', upload.complete_url)).toMatchObject({ status: 409, body: { code: 'upload_incomplete' } })

  await sends(gateway, upload, file)

  const stored = await holder.get(upload.parts_url)
  expect(stored.body.parts).toMatchObject([
    { number: 1, size_bytes: 5 * MiB, etag: expect.any(String) },
    { number: 2, size_bytes: MiB },
  ])
  expect(await holder.sends('POST', upload.complete_url)).toMatchObject({ status: 202 })
  expect(await holder.get(upload.status_url)).toMatchObject({ status: 200, body: { status: 'queued' } })
  await gateway.promotes(upload.upload_id)
  expect(await holder.get(upload.status_url)).toMatchObject({ status: 200, body: { status: 'completed' } })
  expect(await holder.sends('DELETE', `/api/uploads/${upload.upload_id}`)).toMatchObject({
    status: 409,
    body: { code: 'already_completed' },
  })
})

test('files are accepted and refused individually, and their metadata is kept', async ({ client }) => {
  const file = await logo()
  const { status, body } = await client.sends('POST', '/api/uploads', {
    ...opening({ ...declared(file), filename: 'logo.exe' }, declared(file), { filename: 'big.png', size_bytes: 11 * MiB }),
    metadata: { order: 4711 },
  })
  expect(status).toBe(201)
  expect(body.uploads).toMatchObject([{ index: 1 }])
  expect(body.rejected).toMatchObject([
    { index: 0, filename: 'logo.exe', code: 'extension_not_allowed' },
    { index: 2, filename: 'big.png', code: 'file_too_large' },
  ])
  const [{ upload_id, status_url, put: write, complete_url }] = body.uploads
  await put(write, file.bytes)
  await client.sends('POST', complete_url)
  expect((await client.get(status_url)).body).toMatchObject({ job_id: upload_id, metadata: { order: 4711 } })
})

test.for([
  ['an unknown kind', { asset_type: 'poster', files: [{ filename: 'a.png', size_bytes: 1 }] }, 400, 'asset_type_unknown'],
  ['no kind', { files: [{ filename: 'a.png', size_bytes: 1 }] }, 400, 'field_malformed'],
  ['no project for a video', { asset_type: 'generated_video', files: [{ filename: 'a.mp4', size_bytes: 1 }] }, 400, 'field_missing'],
  ['no files', opening(), 400, 'field_malformed'],
  ['eleven files', opening(...Array.from({ length: 11 }, () => ({ filename: 'a.png', size_bytes: 1 }))), 400, 'field_malformed'],
  ['a negative size', opening({ filename: 'a.png', size_bytes: -1 }), 400, 'field_malformed'],
  ['half a byte', opening({ filename: 'a.png', size_bytes: 0.5 }), 400, 'field_malformed'],
  ['a size as text', opening({ filename: 'a.png', size_bytes: '1' }), 400, 'field_malformed'],
  ['no size', opening({ filename: 'a.png' }), 400, 'field_malformed'],
  ['a bad hash', opening({ filename: 'a.png', size_bytes: 1, sha256: 'abc' }), 400, 'field_malformed'],
  ['an unknown field', opening({ filename: 'a.png', size_bytes: 1, key: 'other/key' }), 400, 'request_malformed'],
  ['a list', [], 400, 'request_malformed'],
  ['nothing', undefined, 400, 'request_malformed'],
  ['metadata in levels', { ...opening({ filename: 'a.png', size_bytes: 1 }), metadata: { a: {} } }, 400, 'field_malformed'],
  ['an empty file', opening({ filename: 'a.png', size_bytes: 0 }), 400, 'empty_file'],
  ['a huge file', opening({ filename: 'a.png', size_bytes: Number.MAX_SAFE_INTEGER }), 413, 'file_too_large'],
  ['no name', opening({ filename: '../', size_bytes: 1 }), 400, 'filename_invalid'],
] as const)('a request with %s opens nothing', async ([, body, status, code], { gateway, client, expect }) => {
  expect(await client.sends('POST', '/api/uploads', body)).toMatchObject({ status, body: { code } })
  expect(await gateway.uploads(client.id)).toEqual([])
})

describe('a capability', () => {
  test('is good for its own upload alone, and so is the token of the owner', { meta: { id: 'capability-of-one-upload' } }, async ({
    gateway,
    client,
  }) => {
    const [mine, other] = [await opens(client, await logo()), await opens(client, await logo())]
    const paths = [
      ['GET', mine.parts_url],
      ['POST', mine.parts_url],
      ['POST', mine.complete_url],
      ['DELETE', `/api/uploads/${mine.upload_id}`],
      ['GET', mine.status_url],
    ] as const
    const strangers = [holderOf(gateway, other), new Holder(gateway.url, 'cap_'), new Holder(gateway.url, `${mine.capability}x`)]
    for (const [method, path] of paths) {
      for (const stranger of strangers)
        expect(await stranger.sends(method, path)).toMatchObject({ status: 401, body: { code: 'capability_invalid' } })
      expect(await new Client(gateway.url).sends(method, path)).toMatchObject({ status: path === mine.status_url ? 404 : 403 })
      expect((await fetch(gateway.url + path, { method })).status).toBe(401)
    }
    const holder = holderOf(gateway, mine)
    for (const path of ['/api/jobs', '/api/assets', '/api/events', `/api/jobs/${mine.upload_id}/events`])
      expect((await holder.get(path)).status).toBe(401)
    expect((await holder.sends('POST', '/api/uploads', opening(declared(await logo())))).status).toBe(401)
    expect((await gateway.uploads(client.id)).map(({ state }) => state)).toEqual(['receiving', 'receiving'])
    for (const upload of [mine, other]) expect((await client.sends('DELETE', `/api/uploads/${upload.upload_id}`)).status).toBe(204)
  })

  test('may be in the query, and is never logged', { meta: { id: 'capability-not-logged' } }, async ({ gateway, client }) => {
    const upload = await opens(client, await logo())
    const inQuery = (path: string, method: string) => fetch(`${gateway.url}${path}?capability=${upload.capability}`, { method })
    expect((await inQuery(upload.parts_url, 'GET')).status).toBe(200)
    expect((await inQuery(upload.complete_url, 'POST')).status).toBe(409)
    expect((await inQuery('/api/jobs', 'GET')).status).toBe(401)
    expect((await inQuery('/api/nowhere', 'GET')).status).toBe(404)
    expect((await inQuery(`/api/uploads/${upload.upload_id}`, 'DELETE')).status).toBe(204)
    expect(JSON.stringify(gateway.log)).not.toContain('cap_')
  })

  test('of an upload that does not exist is answered as such', async ({ gateway }) => {
    const holder = new Holder(gateway.url, `cap_${'a'.repeat(43)}`)
    expect(await holder.get(`/api/uploads/${randomUUID()}/parts`)).toMatchObject({ status: 404, body: { code: 'upload_not_found' } })
    expect(await holder.get('/api/uploads/logo.png/parts')).toMatchObject({ status: 400, body: { code: 'id_malformed' } })
  })
})

test('parts that do not exist get no URL', async ({ gateway, client }) => {
  const upload = await opens(client, await large())
  const holder = holderOf(gateway, upload)
  for (const [numbers, code] of [
    [[0], 'field_malformed'],
    [[], 'field_malformed'],
    [['1'], 'field_malformed'],
    [Array.from({ length: 101 }, () => 1), 'field_malformed'],
    [[1, 3], 'part_number_invalid'],
  ] as const)
    expect(await holder.sends('POST', upload.parts_url, { numbers })).toMatchObject({ status: 400, body: { code } })
  expect((await holder.sends('POST', upload.parts_url, { numbers: [1, 1, 2] })).body.parts).toHaveLength(2)
  await holder.sends('DELETE', `/api/uploads/${upload.upload_id}`)
})

test('a file that is not what it claims is refused when it completes, for every later request as well', async ({ gateway, client }) => {
  const text = Buffer.from('<html>')
  const upload = await opens(client, { name: 'page.png', bytes: text })
  await put(upload.put, text)
  const holder = holderOf(gateway, upload)
  for (const [method, path] of [
    ['POST', upload.complete_url],
    ['POST', upload.complete_url],
    ['GET', upload.status_url],
    ['GET', upload.parts_url],
  ] as const)
    expect(await holder.sends(method, path)).toMatchObject({ status: 400, body: { code: 'type_mismatch' } })
  expect((await holder.sends('DELETE', `/api/uploads/${upload.upload_id}`)).status).toBe(204)
})

test('open uploads are limited in number, and the others of the request are opened', async ({ gateway, client: _ }) => {
  const direct = { openUploadsPerUser: 2, openBytesPerUser: 1e9, openSeconds: 60, urlSeconds: 60, partBytes: 5 * MiB, putMaxBytes: 0 }
  const narrow = await startGateway({ direct }, gateway)
  const client = new Client(narrow.url)
  const file = declared(await logo())
  const { body } = await client.sends('POST', '/api/uploads', opening(file, file, file))
  expect(body.uploads).toHaveLength(2)
  expect(body.rejected).toMatchObject([{ code: 'open_uploads_limit_reached' }])
  const refused = await client.sends('POST', '/api/uploads', opening(file))
  expect(refused).toMatchObject({ status: 429, body: { code: 'open_uploads_limit_reached' } })
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  for (const { upload_id } of body.uploads) await client.sends('DELETE', `/api/uploads/${upload_id}`)
  await narrow.close()
})

test('while the store fails, requests are answered with 503, change nothing, and succeed afterwards', {
  meta: { id: 'direct-store-fails-at-each-call' },
}, async ({ gateway, client: _ }) => {
  let failing: keyof ObjectStore | null = null
  const store = Object.fromEntries(
    Object.entries(gateway.store).map(([verb, method]) => [
      verb,
      (...args: unknown[]) => {
        if (verb === failing) throw new StoreFailure(`${verb}: AccessDenied (403)`, null, { code: 'AccessDenied', status: 403 })
        return (method as (...given: unknown[]) => unknown)(...args)
      },
    ]),
  ) as unknown as ObjectStore
  const ours = await startGateway({ store: { ...store, close: () => {} } }, gateway)
  const client = new Client(ours.url)
  const file = await large()
  const whileFailing = async (verb: keyof ObjectStore, work: () => Promise<Answer>) => {
    failing = verb
    const answer = await work()
    failing = null
    expect({ verb, ...answer }).toMatchObject({ status: 503, body: { code: 'storage_unavailable' } })
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
  }

  await whileFailing('beginParts', () => client.sends('POST', '/api/uploads', opening(declared(file), declared(file))))
  expect(await gateway.uploads(client.id)).toMatchObject([
    { state: 'abandoned', error_code: 'storage_unavailable', counted: false },
    { state: 'abandoned', error_code: 'storage_unavailable', counted: false },
  ])
  const upload = await opens(client, file)
  await whileFailing('presignWrite', () => client.sends('POST', upload.parts_url, { numbers: [1] }))
  await sends(ours, upload, file)
  await whileFailing('arrivedParts', () => client.get(upload.parts_url))
  for (const verb of ['arrivedParts', 'completeParts', 'head'] as const)
    await whileFailing(verb, () => client.sends('POST', upload.complete_url))
  expect((await gateway.uploads(client.id)).at(-1)).toMatchObject({ state: 'receiving' })

  expect((await client.sends('POST', upload.complete_url)).status).toBe(202)
  await ours.close()
})

test('accepted bytes are counted by door and kind, once', async ({ gateway, client }) => {
  const bytesOf = async () =>
    Number(/airlock_received_bytes_total\{door="direct",kind="brand_image"\} (\d+)/.exec(await gateway.gateway.metrics.text())?.[1])
  const before = await bytesOf()
  const picture = await logo()
  const upload = await opens(client, picture)
  await put(upload.put, picture.bytes)
  for (const _ of [1, 2]) await client.sends('POST', upload.complete_url)
  await expect.poll(bytesOf, { timeout: 3000 }).toBe(before + picture.bytes.byteLength)
})
