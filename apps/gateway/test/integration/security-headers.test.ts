import { randomUUID } from 'node:crypto'
import { connect } from 'node:net'
import { expect } from 'vitest'
import { answerOf, Client, startGateway, test } from '../gateway.ts'
import { exchange } from '../raw.ts'

const onEveryAnswer = {
  'content-security-policy': "default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
}

/** Headers that differ between responses. */
const ofOneAnswer = new Set(['x-request-id', 'date', 'connection', 'keep-alive', 'content-length', 'ratelimit', 'ratelimit-policy'])

test.for<[what: string, path: string, method: string, status: number]>([
  ['a successful response', '/api/health', 'GET', 200],
  ['a missing token', '/api/jobs/x', 'GET', 401],
  ['an unknown route', '/api/nothing', 'GET', 404],
  ['a wrong method', '/api/upload', 'GET', 405],
  ['OPTIONS', '/api/upload', 'OPTIONS', 204],
  ['HEAD', '/api/health', 'HEAD', 200],
])(
  '%s has headers against framing, sniffing and caching',
  { meta: { id: 'response-headers' } },
  async ([, path, method, status], { gateway }) => {
    const answer = await fetch(gateway.url + path, { method })

    expect(answer.status).toBe(status)
    for (const [name, value] of Object.entries(onEveryAnswer)) expect(answer.headers.get(name), name).toBe(value)
    expect(answer.headers.get('x-request-id')).toMatch(/^[\w.-]{1,64}$/)
    expect(answer.headers.get('x-powered-by')).toBeNull()
  },
)

test("a path that can't be decoded gets an error body", { meta: { id: 'undecodable-path' } }, async ({ gateway }) => {
  const answer = await answerOf(await fetch(`${gateway.url}/api/jobs/%zz`, { headers: { 'x-request-id': 'mine' } }))

  expect(answer).toMatchObject({ status: 400, body: { code: 'request_malformed', request_id: 'mine' } })
  expect(answer.headers.get('x-request-id')).toBe('mine')
  for (const [name, value] of Object.entries(onEveryAnswer)) expect(answer.headers.get(name), name).toBe(value)
})

test('an id of any length is refused as not a UUID', async ({ client }) => {
  expect(await client.get(`/api/jobs/${'x'.repeat(8000)}`)).toMatchObject({ status: 400, body: { code: 'id_malformed' } })
})

test('a body has a timeout, and responses do not wait for unwanted bodies', async () => {
  const gateway = await startGateway({ bodyTimeouts: { maxSeconds: 60, idleSeconds: 1, minBytesPerSecond: 0 } })
  try {
    const token = `Authorization: Bearer ${await new Client(gateway.url).token()}\r\n`
    const begun = ['Content-Length: 100\r\n\r\n{', 'Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n']
    const lines = ['POST /api/nothing', 'POST /api/health', `PUT /api/brands/${randomUUID()}/product-images`]
    const answers = await Promise.all(
      lines.flatMap((line) =>
        begun.map((body) => exchange(gateway.url, `${line} HTTP/1.1\r\nHost: x\r\n${token}Content-Type: application/json\r\n${body}`)),
      ),
    )
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 405, 405, 408, 408])
    for (const { text } of answers.slice(4)) expect(text).toContain('request_timeout')
  } finally {
    await gateway.close()
  }
})

test('OPTIONS returns the methods of a path; HEAD has no body', async ({ gateway }) => {
  const options = await fetch(`${gateway.url}/api/jobs/x`, { method: 'OPTIONS' })
  expect(options.headers.get('allow')?.split(', ').toSorted()).toEqual(['DELETE', 'GET', 'HEAD', 'OPTIONS'])
  expect((await fetch(`${gateway.url}/api/nothing`, { method: 'OPTIONS' })).status).toBe(404)
  const head = await fetch(`${gateway.url}/api/openapi.json`, { method: 'HEAD' })
  expect(Number(head.headers.get('content-length'))).toBeGreaterThan(1000)
  expect(await head.text()).toBe('')
})

test.for<[what: string, sent: string, status: number, code: string]>([
  ['a request that is not HTTP', 'hello\r\n\r\n', 400, 'request_malformed'],
  ['a header that is too long', `GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'headers_too_large'],
  [
    'a request with two lengths',
    'POST /api/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
    400,
    'request_malformed',
  ],
])('%s gets an error body, and the connection closes', { meta: { id: 'raw-http-errors' } }, async ([, sent, status, code], { gateway }) => {
  const answer = await rawAnswer(gateway.url, sent)

  const [head = '', body = ''] = answer.split('\r\n\r\n')
  expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  expect(head).toContain('connection: close')
  // security headers protect browsers here too
  const others = await fetch(`${gateway.url}/api/nothing`)
  const present = [...others.headers].filter(([name]) => !ofOneAnswer.has(name)).map(([name, value]) => `${name}: ${value}`)
  expect(present.length).toBeGreaterThan(10)
  for (const line of present) expect(head.split('\r\n').map((text) => text.replace(/^[^:]+/, (name) => name.toLowerCase()))).toContain(line)
  expect(JSON.parse(body)).toEqual({ error: expect.any(String), detail: expect.any(String), code, request_id: expect.any(String) })
})

test('CORS permits allowed origins to call and to read headers, and no others', {
  meta: { id: 'cors-allowed-origin' },
}, async () => {
  const gateway = await startGateway({ corsOrigins: ['https://app.example.com', 'http://localhost:5173'] })
  try {
    const preflight = (origin: string) =>
      fetch(`${gateway.url}/api/upload`, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,idempotency-key' },
      })
    const allowed = await preflight('https://app.example.com')
    expect(allowed.status).toBe(204)
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://app.example.com')
    expect(allowed.headers.get('access-control-allow-headers')?.toLowerCase()).toContain('idempotency-key')
    expect(allowed.headers.get('access-control-allow-credentials')).toBeNull()
    for (const origin of ['https://evil.example', 'https://app.example.com.evil.example', 'null', 'http://app.example.com'])
      expect((await preflight(origin)).headers.get('access-control-allow-origin'), origin).toBeNull()

    const refused = await answerOf(await fetch(`${gateway.url}/api/jobs/x`, { headers: { origin: 'http://localhost:5173' } }))
    expect(refused.status).toBe(401)
    expect(refused.headers.get('access-control-allow-origin')).toBe('http://localhost:5173')
    expect(refused.headers.get('access-control-expose-headers')).toContain('X-Request-Id')
    expect(refused.headers.get('vary')).toContain('Origin')
  } finally {
    await gateway.close()
  }
})

test('without allowed origins, CORS permits none', { meta: { id: 'cors-without-allow-list' } }, async ({ gateway }) => {
  const answer = await fetch(`${gateway.url}/api/health`, { headers: { origin: 'https://app.example.com' } })
  expect(answer.headers.get('access-control-allow-origin')).toBeNull()
})

test('idle connections are kept longer than by load balancers', async ({ gateway }) => {
  const { headers } = await fetch(`${gateway.url}/api/health`)
  expect(headers.get('keep-alive')).toBe('timeout=72')
  expect(await new Client(gateway.url).get('/api/jobs')).toMatchObject({ status: 200 })
})

/** The response to raw bytes, such as no HTTP client sends. */
function rawAnswer(url: string, sent: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port) }, () => socket.write(sent))
  let got = ''
  socket.setTimeout(5000, () => socket.destroy(new Error('no response within 5 s')))
  socket.on('data', (chunk) => {
    got += chunk.toString()
  })
  socket.on('error', (error) => (got === '' ? reject(error) : resolve(got)))
  socket.on('close', () => resolve(got))
  return promise
}
