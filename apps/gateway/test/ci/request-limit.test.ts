import { failFastConnection } from '@airlock/queue'
import { givenStack, isolatedQueuePrefix, privateServer } from '@airlock/testkit'
import { afterAll, expect, test } from 'vitest'
import { Client, startGateway } from '../gateway.ts'

const redis = failFastConnection(givenStack().redis.url, { onError: () => {} })
afterAll(() => redis.disconnect())

const statusesOf = (answers: { status: number }[]) => answers.map(({ status }) => status).toSorted()

test('a user over the limit gets 429 on every gateway, and others do not', { meta: { id: 'request-limit-across-gateways' } }, async () => {
  const requestLimit = { perMinute: 5, redis, keyPrefix: isolatedQueuePrefix().prefix }
  const one = await startGateway({ requestLimit })
  const two = await startGateway({ requestLimit })
  try {
    const client = new Client(one.url)
    const headers = await client.headers()
    const ask = (url: string) => fetch(`${url}/api/jobs/x`, { headers })

    const answers = await Promise.all([one, one, one, one, two, two, two].map(({ url }) => ask(url)))

    expect(statusesOf(answers)).toEqual([400, 400, 400, 400, 400, 429, 429])
    const refused = await ask(two.url)
    expect(await refused.json()).toEqual({
      error: 'Too many requests',
      detail: 'More than 5 requests per minute.',
      code: 'too_many_requests',
      request_id: refused.headers.get('x-request-id'),
    })
    const seconds = Number(refused.headers.get('retry-after'))
    expect(seconds).toBeGreaterThan(0)
    expect(seconds).toBeLessThanOrEqual(60)
    expect(refused.headers.get('ratelimit-policy')).toBe('"requests-per-minute";q=5;w=60')
    expect(refused.headers.get('ratelimit')).toBe(`"requests-per-minute";r=0;t=${seconds}`)
    expect((await new Client(one.url).get('/api/jobs/x')).status).toBe(400)
  } finally {
    await one.close()
    await two.close()
  }
})

test('without a valid token the address counts, also for unknown routes; health and metrics do not', async () => {
  const gateway = await startGateway({ requestLimit: { perMinute: 4, redis, keyPrefix: isolatedQueuePrefix().prefix } })
  try {
    const ask = (path: string, headers = {}) => fetch(gateway.url + path, { headers })
    const bad = { authorization: 'Bearer not.a.token' }
    expect((await ask('/api/jobs/x')).headers.get('ratelimit')).toMatch(/^"requests-per-minute";r=3;t=\d+$/)
    expect(
      statusesOf(await Promise.all([ask('/api/jobs/x', bad), ask('/wp-admin.php'), ask('/api/jobs/x'), ask('/api/jobs/x', bad)])),
    ).toEqual([401, 401, 404, 429])
    for (const path of ['/api/health', '/health/live', '/health/ready', '/metrics']) expect((await ask(path)).status, path).toBe(200)
    // anyone can send X-Forwarded-For
    expect((await ask('/api/jobs/x', { 'x-forwarded-for': '203.0.113.7' })).status).toBe(429)
  } finally {
    await gateway.close()
  }
})

test('behind a trusted proxy, the address that it added counts', {
  meta: { id: 'request-limit-trusted-proxy' },
}, async () => {
  const gateway = await startGateway({ requestLimit: { perMinute: 1, redis, keyPrefix: isolatedQueuePrefix().prefix }, trustProxy: 1 })
  try {
    const from = async (forwarded: string) =>
      (await fetch(`${gateway.url}/api/jobs/x`, { headers: { 'x-forwarded-for': forwarded } })).status
    expect(await from('203.0.113.7')).toBe(401)
    expect(await from('203.0.113.8')).toBe(401)
    expect(await from('198.51.100.1, 203.0.113.7')).toBe(429)
    expect(await from('2001:db8:1:2::1')).toBe(401)
    expect(await from('2001:db8:1:2:ffff::9')).toBe(429)
    expect(await from('2001:db8:1:3::1')).toBe(401)
  } finally {
    await gateway.close()
  }
})

test('a malformed forwarded address counts as the proxy’s', {
  meta: { id: 'request-limit-malformed-forwarded-for' },
}, async () => {
  const gateway = await startGateway({ requestLimit: { perMinute: 3, redis, keyPrefix: isolatedQueuePrefix().prefix }, trustProxy: 1 })
  try {
    const malformed = ['1:2:3:4:5:6:7:8::9', 'not an address', '999.1.1.1', '::1::2::3::4::5::6::7::8::9', 'fe80::1%<script>']
    const statuses = []
    for (const forwarded of malformed)
      statuses.push((await fetch(`${gateway.url}/api/jobs/x`, { headers: { 'x-forwarded-for': forwarded } })).status)
    expect(statuses).toEqual([401, 401, 401, 429, 429])
  } finally {
    await gateway.close()
  }
})

test('while Redis is unresponsive or unavailable, nobody is limited or delayed', async () => {
  const server = await privateServer('redis')
  const own = failFastConnection(server.address.url, { onError: () => {} })
  const gateway = await startGateway({ redisUrl: server.address.url, requestLimit: { perMinute: 3, redis: own, keyPrefix: 'airlock' } })
  try {
    const client = new Client(gateway.url)
    expect((await client.get('/api/jobs/x')).headers.get('ratelimit')).toContain('r=2')

    await server.pause()
    await client.get('/api/jobs/x')
    const started = performance.now()
    const answers = await Promise.all(Array.from({ length: 6 }, () => client.get('/api/jobs/x')))
    expect(statusesOf(answers)).toEqual([400, 400, 400, 400, 400, 400])
    expect(performance.now() - started).toBeLessThan(1000)

    await server.resume()
    await expect.poll(async () => (await client.get('/api/jobs/x')).headers.get('ratelimit'), { timeout: 15_000 }).not.toBeNull()
  } finally {
    await gateway.close()
    own.disconnect()
    await server.drop()
  }
}, 60_000)
