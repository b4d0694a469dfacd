import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { relayEvents } from '@airlock/notifications'
import { tokenFor } from '@airlock/testkit'
import { expect, test as plainTest } from 'vitest'
import { tryPageFolders } from '../../src/try-page/page-files.ts'
import { acceptedIds, answerOf, Client, jwtSecret, logo, type Overrides, startGateway } from '../gateway.ts'
import { exchange } from '../raw.ts'

/** A folder as Vite writes it. */
function builtPage(): { page: string; remove: () => void } {
  const page = mkdtempSync(join(tmpdir(), 'airlock-page-'))
  mkdirSync(join(page, 'assets'))
  writeFileSync(join(page, 'index.html'), '<!doctype html><title>Try Airlock</title>')
  writeFileSync(join(page, 'assets/index-abc.js'), 'export {}')
  return { page, remove: () => rmSync(page, { recursive: true }) }
}

async function gatewayWithPage(overrides: Overrides = {}) {
  const { page, remove } = builtPage()
  const gateway = await startGateway({ tryPage: { ...tryPageFolders, page }, ...overrides })
  return { gateway, close: () => gateway.close().finally(remove) }
}

const test = plainTest.extend('gateway', { scope: 'file' }, async ({ task: _ }: { task?: unknown }, { onCleanup }) => {
  const { gateway, close } = await gatewayWithPage()
  onCleanup(close)
  return gateway
})

test('the page and its files are served, with a policy that permits no other server but the store', async ({ gateway }) => {
  const page = await fetch(gateway.url)
  expect([page.status, page.headers.get('content-type'), page.headers.get('cache-control')]).toEqual([
    200,
    'text/html; charset=utf-8',
    'no-cache',
  ])
  const policy = page.headers.get('content-security-policy') ?? ''
  expect(policy).toContain(`connect-src 'self' ${new URL(gateway.bucket.endpoint).origin};`)
  expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';.*frame-ancestors 'none'$/)
  expect(policy).not.toMatch(/unsafe|\*|data:/)

  const script = await fetch(`${gateway.url}/try/assets/index-abc.js`)
  expect([script.status, script.headers.get('content-type'), await script.text()]).toEqual([
    200,
    'text/javascript; charset=utf-8',
    'export {}',
  ])
  expect(script.headers.get('cache-control')).toContain('immutable')
  for (const path of ['/try', '/try/', '/try/assets/', '/try/assets/..%2f..%2fpackage.json', '/try/built-from', '/index.html'])
    expect((await fetch(gateway.url + path)).status, path).toBe(404)
})

test('samples are served as they are, and never as a page', async ({ gateway }) => {
  const list = (await (await fetch(`${gateway.url}/try/samples`)).json()) as { file: string; expected: string; url: string }[]
  expect(list.filter(({ expected }) => expected === 'completed').length).toBeGreaterThan(5)
  for (const { file, url } of list) {
    const sample = await fetch(gateway.url + url)
    expect(Buffer.from(await sample.arrayBuffer()).equals(readFileSync(join(tryPageFolders.samples, file))), file).toBe(true)
    expect(sample.headers.get('content-type')).toBe('application/octet-stream')
    expect(sample.headers.get('x-content-type-options')).toBe('nosniff')
    expect(sample.headers.get('content-disposition')).toBe('attachment')
    expect(sample.headers.get('content-security-policy')).toBe("default-src 'none'; sandbox")
  }
})

const hostOf = (url: string) => new URL(url).host

/** Asks for a token, with these headers besides or in place of those that a browser sends for the page. */
const askForToken = (url: string, headers: Record<string, string | null> = {}, method = 'POST') => {
  const sent = { Host: hostOf(url), Origin: url, 'Sec-Fetch-Site': 'same-origin', 'Content-Length': '0', Connection: 'close', ...headers }
  const lines = Object.entries(sent).flatMap(([name, value]) => (value === null ? [] : [`${name}: ${value}\r\n`]))
  return exchange(url, `${method} /try/token HTTP/1.1\r\n${lines.join('')}\r\n`)
}

test('the page gets a token that is valid for a short time, for the user of the README', async ({ gateway }) => {
  const { status, text } = await askForToken(gateway.url)
  expect(status).toBe(200)
  const { token, user_id, expires_in_seconds } = JSON.parse(text.slice(text.indexOf('\r\n\r\n')))
  expect(readFileSync(join(import.meta.dirname, '../../../../README.md'), 'utf8')).toContain(user_id)
  expect(expires_in_seconds).toBeLessThanOrEqual(900)
  const jobs = await fetch(`${gateway.url}/api/jobs`, { headers: { authorization: `Bearer ${token}` } })
  expect(jobs.status).toBe(200)
  const claims = JSON.parse(atob(token.split('.')[1]))
  expect(Object.keys(claims).toSorted()).toEqual(['exp', 'iat', 'sub'])
  expect(text).toContain('cache-control: no-store')
})

test('a browser that does not send Sec-Fetch-Site gets a token by its Origin', async ({ gateway }) => {
  expect(await askForToken(gateway.url, { 'Sec-Fetch-Site': null })).toMatchObject({ status: 200 })
})

const attacks: [attack: string, headers: Record<string, string | null>][] = [
  ['a name that resolves to this machine (DNS rebinding)', { Host: 'evil.example:3000', Origin: 'http://evil.example:3000' }],
  ['a name that begins like this machine', { Host: '127.0.0.1.evil.example', Origin: 'http://127.0.0.1.evil.example' }],
  ['a name that ends like this machine', { Host: 'evil.localhost', Origin: 'http://evil.localhost' }],
  ['a page of another site', { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' }],
  ['a page of another site in a browser without Sec-Fetch-Site', { Origin: 'https://evil.example', 'Sec-Fetch-Site': null }],
  ['a page of another port of this machine', { Origin: 'http://127.0.0.1:1', 'Sec-Fetch-Site': 'same-site' }],
  ['a sandboxed frame', { Origin: 'null' }],
  ['a request without Origin', { Origin: null }],
  ['a link', { Origin: null, 'Sec-Fetch-Site': 'none' }],
  ['another machine through a proxy on this one', { 'X-Forwarded-For': '10.0.0.7' }],
  ['another machine through a proxy that names itself', { Via: '1.1 proxy' }],
  ['another machine through a proxy of RFC 7239', { Forwarded: 'for=10.0.0.7' }],
]

test.for(attacks)('%s gets no token', async ([, headers], { gateway }) => {
  const { status, text } = await askForToken(gateway.url, headers)
  expect(status).toBe(404)
  expect(text).toContain('"code":"route_not_found"')
  expect(text).not.toMatch(/"token"|access-control-allow-origin/i)
})

test('a link or an image gets no token', async ({ gateway }) => {
  expect((await askForToken(gateway.url, {}, 'GET')).status).toBe(405)
})

test('the page sees the events of its own user alone', async ({ gateway }) => {
  const [mine, other] = [new Client(gateway.url), new Client(gateway.url)]
  const ask = async (client: Client, query: string) => fetch(`${gateway.url}/try/events?${query}`, { headers: await client.headers() })
  const events = async (client: Client, after: string, wait = 0) =>
    (await (await ask(client, `after=${after}&wait=${wait}`)).json()) as { events: { data: { user_id: string } }[]; next: string }
  const { next } = await events(mine, 'latest')
  const waiting = events(mine, next, 20)
  for (const client of [other, mine]) {
    for (const id of acceptedIds(await client.pictures(await logo()))) await gateway.promotes(id)
  }
  await relayEvents({}, { relay: gateway.database.eventRelay })

  const seen: string[] = []
  let page = await waiting
  while (seen.length === 0) {
    seen.push(...page.events.map(({ data }) => data.user_id))
    page = await events(mine, page.next, 5)
  }
  expect(seen).toEqual([mine.id])
  expect((await fetch(`${gateway.url}/try/events?after=latest`)).status).toBe(401)
  expect(await answerOf(await ask(mine, 'after=nonsense'))).toMatchObject({ status: 400, body: { code: 'cursor_malformed' } })
})

plainTest('without TRY_PAGE there is no page, no sample and no token', async () => {
  const gateway = await startGateway()
  try {
    for (const path of ['/', '/try/samples', '/try/samples/0', '/try/events?after=latest'])
      expect(
        (await fetch(gateway.url + path, { headers: { authorization: `Bearer ${tokenFor(crypto.randomUUID(), jwtSecret)}` } })).status,
      ).toBe(404)
    expect((await askForToken(gateway.url)).status).toBe(404)
  } finally {
    await gateway.close()
  }
})

plainTest('a gateway that only verifies tokens of another issuer signs none', async () => {
  const tokens = { remote: async () => new Uint8Array(), issuer: null, audience: null }
  for (const rules of [
    { ...tokens, secrets: [], algorithms: null },
    { ...tokens, secrets: [jwtSecret], algorithms: ['RS256' as const] },
  ]) {
    const { gateway, close } = await gatewayWithPage({ tokens: rules })
    try {
      expect((await fetch(gateway.url)).status).toBe(200)
      expect((await askForToken(gateway.url)).status).toBe(404)
    } finally {
      await close()
    }
  }
})

plainTest('a page that has not been built is an error at the start, which says how to build it', async () => {
  const page = mkdtempSync(join(tmpdir(), 'airlock-page-'))
  await expect(startGateway({ tryPage: { ...tryPageFolders, page } })).rejects.toThrow(
    'TRY_PAGE  is true, but the page has not been built: npm run build -w apps/try-page',
  )
  rmSync(page, { recursive: true })
})
