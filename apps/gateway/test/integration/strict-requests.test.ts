import { Buffer } from 'node:buffer'
import { gzipSync } from 'node:zlib'
import { expect } from 'vitest'
import { answerOf, photo, test } from '../gateway.ts'
import { exchange } from '../raw.ts'

const ofRaw = ({ text }: { text: string }) => JSON.parse(text.slice(text.indexOf('\r\n\r\n')))

const unknownQueries = [
  { path: '/api/jobs?state=failed', detail: "query parameter 'state' is unknown; allowed: ids, status, since, limit, cursor, user, code." },
  { path: '/api/assets?typ=brand_image', detail: "query parameter 'typ' is unknown" },
  {
    path: '/api/assets/0190a000-0000-4000-8000-00000000000a?hours=1',
    detail: "query parameter 'hours' is unknown; allowed: expiration_hours, disposition.",
  },
  { path: '/api/brands/0190a000-0000-4000-8000-00000000000a/product-images?a=b', detail: 'this route takes none.' },
  { path: '/api/assets?access_token=abc.def', detail: "query parameter 'access_token' is unknown" },
]
test.for(unknownQueries)('GET $path is refused with the name of the parameter', async ({ path, detail }, { client, expect }) => {
  const { status, body } = await client.get(path)
  expect({ status, code: body.code }).toEqual({ status: 400, code: 'query_unknown' })
  expect(body.detail).toContain(detail)
  expect(body.detail).not.toContain('abc.def')
})

test('an upload with a query is refused before a file is read', async ({ gateway, client }) => {
  const { status, body } = await client.sends('POST', '/api/upload?asset_type=brand_image')
  expect({ status, code: body.code }).toEqual({ status: 400, code: 'query_unknown' })
  expect(await gateway.uploads(client.id)).toEqual([])
})

test('health, metrics and the document accept any query', async ({ gateway }) => {
  for (const path of ['/api/health', '/health/live', '/health/ready', '/metrics', '/api/openapi.json'])
    expect((await fetch(`${gateway.url}${path}?now=1`)).status, path).toBe(200)
})

const compressed = ['gzip', 'br', 'deflate, gzip', 'GZIP']
test.for(compressed)('a body with encoding %s is refused with its name', async (encoding, { gateway, client, expect }) => {
  for (const [method, path, type] of [
    ['POST', '/api/upload', 'multipart/form-data; boundary=cut'],
    ['PUT', '/api/brands/0190a000-0000-4000-8000-00000000000a/product-images', 'application/json'],
  ] as const) {
    const headers = { ...(await client.headers()), 'content-type': type, 'content-encoding': encoding }
    const answer = await answerOf(await fetch(gateway.url + path, { method, headers, body: gzipSync('{}') }))
    expect(answer).toMatchObject({
      status: 415,
      body: { code: 'encoding_not_supported', detail: expect.stringContaining(`'${encoding}'`) },
    })
    expect(answer.headers.get('accept-encoding')).toBe('identity')
  }
})

test('a body with encoding identity is read', async ({ gateway, client }) => {
  const headers = { ...(await client.headers()), 'content-type': 'application/json', 'content-encoding': 'identity' }
  const path = '/api/brands/0190a000-0000-4000-8000-00000000000a/product-images'
  const answer = await answerOf(await fetch(gateway.url + path, { method: 'PUT', headers, body: '{}' }))
  expect(answer).toMatchObject({ status: 400, body: { code: 'request_malformed' } })
})

const fixedPaths = [
  { method: 'DELETE', path: '/api/uploads/sign', allow: 'POST, OPTIONS' },
  { method: 'DELETE', path: '/api/jobs/events', allow: 'GET, OPTIONS' },
]
test.for(fixedPaths)(
  '$method $path is unsupported, although the path could have an id there',
  async ({ method, path, allow }, { client, expect }) => {
    const { status, headers } = await client.sends(method, path)
    expect([status, headers.get('allow')]).toEqual([405, allow])
  },
)

test('a form without a boundary is refused with a helpful detail', async ({ gateway, client }) => {
  const headers = { ...(await client.headers()), 'content-type': 'multipart/form-data' }
  const answer = await answerOf(await fetch(`${gateway.url}/api/upload`, { method: 'POST', headers, body: '--cut\r\n' }))
  expect(answer).toMatchObject({ status: 400, body: { code: 'form_malformed', detail: expect.stringContaining('has no boundary') } })
})

test('a list path with a trailing slash is not treated as an asset', async ({ client }) => {
  for (const path of ['/api/assets', '/api/jobs']) {
    const answer = await client.get(`${path}/`)
    expect(answer).toMatchObject({ status: 404, body: { code: 'route_not_found' } })
    expect(answer.body.detail).toBe(`GET ${path}/ does not exist; use GET ${path}, without the trailing slash.`)
  }
})

test.for(['QUERY', 'PROPFIND', 'PATCH'])('%s is an unsupported method: 405, whatever its body', async (method, { gateway, expect }) => {
  for (const body of [undefined, '{"not json']) {
    const sent = body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } }
    const answer = await answerOf(await fetch(`${gateway.url}/api/assets`, { method, ...sent }))
    expect(answer).toMatchObject({ status: 405, body: { code: 'method_not_allowed' } })
    expect(answer.headers.get('allow')).toBe('GET, HEAD, OPTIONS')
  }
})

test('a body for an unknown path is not read: 404', async ({ gateway }) => {
  const sent = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"not json' }
  expect(await answerOf(await fetch(`${gateway.url}/api/nothing`, sent))).toMatchObject({ status: 404, body: { code: 'route_not_found' } })
})

test('an unknown expectation is 417 with an error body', async ({ gateway }) => {
  const answer = await exchange(gateway.url, 'GET /api/health HTTP/1.1\r\nHost: airlock\r\nExpect: a-miracle\r\n\r\n')
  expect(answer.status).toBe(417)
  expect(ofRaw(answer)).toMatchObject({ code: 'expectation_failed', detail: expect.stringContaining("'a-miracle'") })
  expect(answer.text).toMatch(/^x-request-id: /im)
})

test('a request without Host is 400 with an error body; HTTP/1.0 needs none', async ({ gateway }) => {
  const answer = await exchange(gateway.url, 'GET /api/health HTTP/1.1\r\n\r\n')
  expect(answer.status).toBe(400)
  expect(ofRaw(answer)).toMatchObject({ code: 'request_malformed', detail: 'The request is malformed: it has no Host header.' })
  expect((await exchange(gateway.url, 'GET /health/live HTTP/1.0\r\n\r\n')).status).toBe(200)
})

test.for([
  `filename="plain.jpg"; filename*=UTF-8''gr%C3%BCn%20%2522.jpg`,
  `filename*=UTF-8''gr%C3%BCn%20%2522.jpg; filename="plain.jpg"`,
  `filename*=UTF-8''gr%C3%BCn%20%2522.jpg`,
])('filename* takes precedence over filename: %s', async (names, { gateway, client, expect }) => {
  const head = `--cut\r\nContent-Disposition: form-data; name="asset_type"\r\n\r\nbrand_image\r\n--cut\r\nContent-Disposition: form-data; name="files"; ${names}\r\nContent-Type: image/jpeg\r\n\r\n`
  const body = Buffer.concat([Buffer.from(head), (await photo()).bytes, Buffer.from('\r\n--cut--\r\n')])
  const headers = { ...(await client.headers()), 'content-type': 'multipart/form-data; boundary=cut' }
  const answer = await answerOf(await fetch(`${gateway.url}/api/upload`, { method: 'POST', headers, body }))
  expect(answer).toMatchObject({ status: 202, body: { uploads: [{ filename: 'grün %22.jpg' }] } })
})
