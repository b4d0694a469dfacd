import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { AirlockError, type Progress } from '../../src/node.ts'
import { accepted, assetId, FakeGateway, failureOf, goodRoutes, job, jobId, picture, problem, type Routes, test } from '../fake-gateway.ts'

const assetType = 'brand_image'

/** Parses the form of a request as a server does. */
const formOf = (body: Buffer, type = '') => new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData()

test('an upload sends the file and its fields as a form, and returns the asset', async ({ gateway, client }) => {
  const seen: Progress[] = []
  const options = { assetType, brandId: 'b', metadata: { order: 4711 }, onProgress: (progress: Progress) => seen.push(progress) } as const

  const asset = await client().upload(picture(), options)

  expect(asset).toMatchObject({ asset_id: assetId, presigned_url: 'http://store/file' })
  const [{ body, headers }] = gateway.to('POST /api/upload') as [FakeGateway['requests'][number]]
  expect(headers).toMatchObject({ authorization: 'Bearer a-token', 'idempotency-key': expect.stringMatching(/^[\da-f-]{36}$/) })
  expect(headers['content-length']).toBe(String(body.length))
  const text = body.toString()
  expect(text).toContain('name=asset_type\r\n\r\nbrand_image\r\n')
  expect(text).toContain('name=metadata\r\n\r\n{"order":4711}\r\n')
  expect(text).toContain("name=files; filename*=UTF-8''logo.png\r\nContent-Type: image/png\r\n\r\nthe bytes of a picture\r\n")
  expect(seen.at(0)).toEqual({ stage: 'sending', sentBytes: 0, totalBytes: 22 })
  expect(seen.at(-1)).toEqual({ stage: 'processing', sentBytes: 22, totalBytes: 22, jobId })
})

test('a form whose response is lost is repeated with the same key and the same bytes', async ({ gateway, client }) => {
  gateway.routes = { ...goodRoutes, 'POST /api/upload': ['reset', 'reset', accepted()] }

  await client().upload(picture(), { assetType })

  const sent = gateway.to('POST /api/upload')
  expect(sent).toHaveLength(3)
  expect(new Set(sent.map(({ headers }) => headers['idempotency-key'])).size).toBe(1)
  expect(new Set(sent.map(({ body }) => body.toString())).size).toBe(1)
})

const passing: [name: string, reply: Routes[string][number]][] = [
  ['503 of Airlock', { status: 503, json: problem('overloaded') }],
  ['409 while the first request runs', { status: 409, json: problem('request_in_flight') }],
  ['408', { status: 408, json: problem('request_stalled') }],
  ['429', { status: 429, json: problem('too_many_requests') }],
  ['502 with a page of a proxy', { status: 502, text: '<html>Bad gateway</html>' }],
  ['200 with a page of a proxy', { status: 200, text: '<html>Please log in</html>' }],
  ['a JSON error of another server', { status: 500, json: { message: 'oops' } }],
]
test.for(passing)('an upload goes on after %s', async ([, reply], { gateway, client }) => {
  gateway.routes = { ...goodRoutes, 'POST /api/upload': [reply, accepted()] }

  expect(await client().upload(picture(), { assetType })).toMatchObject({ asset_id: assetId })
})

test('JSON of another server is an error', async ({ gateway, client }) => {
  gateway.routes = { 'POST /api/upload': [{ json: { message: 'hello' } }] }
  expect(await failureOf(client().upload(picture(), { assetType }))).toMatchObject({ code: 'unexpected_response', status: 200 })
})

test('a page of a proxy in place of every response is an error, not a success', async ({ gateway, client }) => {
  gateway.routes = { ...goodRoutes, 'POST /api/upload': [{ text: '<html>Please log in</html>' }] }

  const failure = await failureOf(client({ retry: { forMs: 200, firstMs: 10 } }).upload(picture(), { assetType }))

  expect(failure).toBeInstanceOf(AirlockError)
  expect(failure).toMatchObject({ code: 'unexpected_response', status: 200, requestId: 'req-1' })
  expect(gateway.to('POST /api/upload').length).toBeGreaterThan(2)
})

test('Retry-After is honoured, and one beyond the time for retries ends them at once', async ({ gateway, client }) => {
  const busy = (seconds: string, more = {}) => ({ status: 503, json: problem('overloaded'), headers: { 'retry-after': seconds, ...more } })
  gateway.routes = { ...goodRoutes, 'POST /api/upload': [busy('1'), accepted()] }
  const startedAt = performance.now()
  await client().upload(picture(), { assetType })
  expect(performance.now() - startedAt).toBeGreaterThan(990)

  gateway.routes = { ...goodRoutes, 'POST /api/upload': [busy('3600')] }
  const limit = { status: 429, json: problem('file_limit_reached'), headers: { 'retry-after': '3600' } }
  gateway.routes = { ...goodRoutes, 'POST /api/upload': [limit] }
  const failure = await failureOf(client().upload(picture(), { assetType }))
  expect(failure).toMatchObject({ code: 'file_limit_reached', retryAfterMs: 3_600_000 })
})

test('a Retry-After with a time is relative to the clock of the server', async ({ gateway, client }) => {
  const inOtherCentury = { date: 'Sat, 01 Jan 2000 00:00:00 GMT', 'retry-after': 'Sat, 01 Jan 2000 00:00:01 GMT' }
  gateway.routes = {
    ...goodRoutes,
    'POST /api/upload': [{ status: 503, json: problem('overloaded'), headers: inOtherCentury }, accepted()],
  }
  const startedAt = performance.now()

  await client().upload(picture(), { assetType })

  expect(performance.now() - startedAt).toBeGreaterThan(990)
})

test('a refused file is an error with the reason of the file, and is not sent again', async ({ gateway, client }) => {
  const rejected = [{ index: 0, filename: 'logo.png', code: 'empty_file', error: 'Empty file', detail: "File 'logo.png' has 0 bytes." }]
  gateway.routes = { 'POST /api/upload': [{ status: 400, json: { ...problem('files_refused'), rejected } }] }

  const failure = await failureOf(client().upload(picture(), { assetType }))

  expect(failure).toMatchObject({ code: 'empty_file', detail: "File 'logo.png' has 0 bytes.", status: 400, requestId: 'req-1' })
  expect(gateway.requests).toHaveLength(1)
})

test.for(['rejected', 'failed'] as const)('a %s job is an error with its reason and its id', async (status, { gateway, client }) => {
  const error = { code: 'type_mismatch', error: 'Type mismatch', detail: 'It is a video.' } as const
  gateway.routes = { ...goodRoutes, 'GET /api/jobs/events': [{ jobs: [job(status, { error })] }] }

  const failure = await failureOf(client().upload(picture(), { assetType }))

  expect(failure).toMatchObject({ name: 'AirlockError', code: 'type_mismatch', detail: 'It is a video.', jobId })
})

test('a completed job whose asset has just been deleted is an error', async ({ gateway, client }) => {
  gateway.routes = { ...goodRoutes, [`GET /api/assets/${assetId}`]: [{ status: 404, json: problem('asset_not_found') }] }
  expect(await failureOf(client().upload(picture(), { assetType }))).toMatchObject({ code: 'asset_not_found', jobId })
})

test('a gateway that answers 202 and dies is asked again when it is back', async ({ gateway, client }) => {
  const { port } = gateway
  const uploading = client().upload(picture(), { assetType })
  gateway.routes = {
    'POST /api/upload': [
      () => {
        setTimeout(() => void gateway.close(), 30)
        return accepted()
      },
    ],
    'GET /api/jobs/events': ['hang'],
    'GET /api/jobs': ['hang'],
  }
  await expect.poll(() => gateway.to('POST /api/upload').length).toBe(1)
  await new Promise((resolve) => setTimeout(resolve, 300))
  const back = await new FakeGateway().listen(port)
  back.routes = goodRoutes

  expect(await uploading).toMatchObject({ asset_id: assetId })
  expect(back.to('POST /api/upload')).toHaveLength(0)
  await back.close()
})

test('a token that has expired is replaced by the callback, during the upload and while it is followed', async ({ gateway, client }) => {
  const expired = { status: 401, json: problem('token_expired') }
  const unlessRenewed = (good: Routes[string]): Routes[string] => [
    ({ headers }) => (headers.authorization === 'Bearer old' ? expired : (good[0] as never)),
  ]
  gateway.routes = Object.fromEntries(Object.entries(goodRoutes).map(([route, replies]) => [route, unlessRenewed(replies)]))
  const hints: boolean[] = []
  const token = ({ refresh }: { refresh: boolean }) => {
    hints.push(refresh)
    return refresh ? 'new' : 'old'
  }

  expect(await client({ token }).upload(picture(), { assetType })).toMatchObject({ asset_id: assetId })
  expect(hints.slice(0, 2)).toEqual([false, true])
})

test('a refused token is an error, whether it is a text or comes from a function', async ({ gateway, client }) => {
  gateway.routes = { 'POST /api/upload': [{ status: 401, json: problem('token_expired') }] }
  expect(await failureOf(client().upload(picture(), { assetType }))).toMatchObject({ code: 'token_expired', status: 401 })
  expect(await failureOf(client({ token: async () => 'other' }).upload(picture(), { assetType }))).toMatchObject({ code: 'token_expired' })
  expect(gateway.requests).toHaveLength(3)

  const broken = { token: () => Promise.reject(new Error('no network')), retry: { forMs: 50, firstMs: 10 } }
  expect(await failureOf(client(broken).upload(picture(), { assetType }))).toMatchObject({ code: 'token_unavailable' })
})

test('an aborted upload is an error; if it was accepted, it is cancelled', async ({ gateway, client }) => {
  expect(await failureOf(client().upload(picture(), { assetType, signal: AbortSignal.abort() }))).toMatchObject({ code: 'aborted' })
  expect(gateway.requests).toHaveLength(0)

  gateway.routes = { ...goodRoutes, 'POST /api/upload': ['hang'] }
  const sending = new AbortController()
  const failing = failureOf(client().upload(picture(), { assetType, signal: sending.signal }))
  await expect.poll(() => gateway.requests.length).toBe(1)
  sending.abort('changed my mind')
  expect(await failing).toMatchObject({ code: 'aborted', cause: 'changed my mind', jobId: undefined })

  gateway.routes = { ...goodRoutes, 'GET /api/jobs/events': [{ jobs: [job('queued')], after: 'hold' }] }
  const following = new AbortController()
  const inspected = failureOf(client().upload(picture(), { assetType, signal: following.signal }))
  await expect.poll(() => gateway.to('GET /api/jobs/events').length).toBe(1)
  following.abort()
  expect(await inspected).toMatchObject({ code: 'aborted', jobId })
  expect(gateway.to(`DELETE /api/jobs/${jobId}`)).toHaveLength(1)
})

test('an upload that waits for a retry ends when it is aborted', async ({ gateway, client }) => {
  gateway.routes = { 'POST /api/upload': [{ status: 503, json: problem('overloaded'), headers: { 'retry-after': '2' } }] }
  const startedAt = performance.now()

  const failure = await failureOf(client().upload(picture(), { assetType, signal: AbortSignal.timeout(200) }))

  expect(failure).toMatchObject({ code: 'aborted' })
  expect(performance.now() - startedAt).toBeLessThan(1500)
})

test('a file is uploaded by its path, under its name or another one', async ({ gateway, client }) => {
  const folder = mkdtempSync(join(tmpdir(), 'airlock-client-'))
  const name = `ünï "quoted" 100% *'() +.png`
  writeFileSync(join(folder, name), 'bytes')

  await client().upload(join(folder, name), { assetType })
  await client().upload(join(folder, name), { assetType, filename: 'renamed.png' })

  const names = gateway
    .to('POST /api/upload')
    .map(({ body }) => decodeURIComponent(/filename\*=UTF-8''(\S*)/.exec(body.toString())?.[1] ?? ''))
  expect(names).toEqual([name, 'renamed.png'])
  expect(await failureOf(client().upload(join(folder, 'missing'), { assetType }))).toMatchObject({ code: 'file_unreadable' })
  rmSync(folder, { recursive: true })
})

test('a Blob needs a name, and a file that cannot be read any more is not a network error', async ({ gateway, client }) => {
  const blob = new Blob(['bytes'])
  await expect(client().upload(blob, { assetType })).rejects.toThrow(TypeError)
  await client().upload(blob, { assetType, filename: 'blob.png' })
  expect(gateway.to('POST /api/upload')[0]?.body.toString()).toContain("filename*=UTF-8''blob.png")

  const gone = Object.assign(picture(), { arrayBuffer: () => Promise.reject(new DOMException('gone', 'NotReadableError')) })
  Object.assign(gone, {
    slice: () => gone,
    stream: () => new ReadableStream({ start: (controller) => controller.error(new Error('gone')) }),
  })
  gateway.routes = { 'POST /api/upload': ['reset'] }
  expect(await failureOf(client().upload(gone, { assetType }))).toMatchObject({ code: 'file_unreadable' })
})

test('forms are understood by a parser of forms', async ({ gateway, client }) => {
  await client().upload(picture(), { assetType, projectId: 'p' })
  const [{ body, headers }] = gateway.to('POST /api/upload') as [FakeGateway['requests'][number]]
  const quoted = body
    .toString()
    .replaceAll(/name=(\w+)/g, 'name="$1"')
    .replace(/filename\*=UTF-8''(\S+)/, 'filename="$1"')
  const form = await formOf(Buffer.from(quoted), headers['content-type'])
  expect([...form.keys()]).toEqual(['asset_type', 'project_id', 'files'])
})
