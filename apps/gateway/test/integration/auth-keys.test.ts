import { createHmac, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { remoteKeys } from '../../src/auth/remote-keys.ts'
import { answerOf, formOf, jwtSecret, photo, type RunningGateway, startGateway } from '../gateway.ts'

type Pair = Awaited<ReturnType<typeof generateKeyPair>>

interface Signer {
  alg: string
  kid: string
  pair: Pair
  jwk: JWK
}

async function signer(alg: string, kid = `${alg}-${randomUUID()}`): Promise<Signer> {
  const pair = await generateKeyPair(alg, { extractable: true })
  return { alg, kid, pair, jwk: { ...(await exportJWK(pair.publicKey)), kid, alg, use: 'sig' } }
}

/** A key server that can stop responding or fail, and counts requests. */
async function keyServer(keys: JWK[]) {
  const state = { keys, mode: 'answers' as 'answers' | 'silent' | 'fails', asked: 0 }
  const server = createServer((_request, response) => {
    state.asked += 1
    if (state.mode === 'silent') return
    response.writeHead(state.mode === 'fails' ? 500 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ keys: state.keys }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  }
  return { state, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`, close }
}

const user = randomUUID()
const service = randomUUID()
const issuer = 'https://id.example.com'
const audience = 'airlock'
const inAnHour = () => Math.floor(Date.now() / 1000) + 3600
const good = () => ({ sub: user, exp: inAnHour(), iss: issuer, aud: audience })

const signed = ({ alg, kid, pair }: Signer, claims: Record<string, unknown> = good(), header: Record<string, unknown> = {}) =>
  new SignJWT(claims).setProtectedHeader({ alg, kid, ...header }).sign(pair.privateKey)

const ask = async (gateway: RunningGateway, token: string, headers: Record<string, string> = {}) =>
  answerOf(await fetch(`${gateway.url}/api/jobs/${user}`, { headers: { authorization: `Bearer ${token}`, ...headers } }))

let signers: Record<'RS256' | 'ES256' | 'EdDSA' | 'RS512' | 'stranger', Signer>
let keys: Awaited<ReturnType<typeof keyServer>>
let gateway: RunningGateway
/** A second gateway, which accepts only keys of the JWKS. */
let withoutSecret: RunningGateway

beforeAll(async () => {
  const [RS256, ES256, EdDSA, RS512, stranger] = await Promise.all([
    signer('RS256'),
    signer('ES256'),
    signer('EdDSA'),
    signer('RS512'),
    signer('RS256'),
  ])
  signers = { RS256, ES256, EdDSA, RS512, stranger }
  keys = await keyServer([RS256, ES256, EdDSA, RS512].map(({ jwk }) => jwk))
  const tokens = { secrets: [jwtSecret], remote: remoteKeys(keys.url), algorithms: null, issuer, audience }
  gateway = await startGateway({ tokens })
  const remote = remoteKeys(keys.url)
  withoutSecret = await startGateway({ tokens: { ...tokens, secrets: [], remote } }, gateway)
})

afterAll(async () => {
  await withoutSecret.close()
  await gateway.close()
  await keys.close()
})

test.for(['RS256', 'ES256', 'EdDSA'] as const)(
  'a token signed with %s by a key of the JWKS is accepted',
  { meta: { id: 'good-tokens-jwks' } },
  async (alg) => {
    expect(await ask(gateway, await signed(signers[alg]))).toMatchObject({ status: 404, body: { code: 'job_not_found' } })
  },
)

test('the keys are fetched once for all requests', async () => {
  await ask(gateway, await signed(signers.RS256))
  const { asked } = keys.state
  await ask(gateway, await signed(signers.ES256))
  expect([asked, keys.state.asked]).toEqual([1, 1])
})

const secretKey = new TextEncoder().encode(jwtSecret)

/** Every encoding of the issuer's public key that an attacker might use as the secret of an HS256 token. */
const publicKeyAsSecret: [how: string, secret: () => Promise<Uint8Array>][] = [
  ['its JWK', async () => text(JSON.stringify(signers.RS256.jwk))],
  ['PEM', async () => text(await pem())],
  ['PEM without its last line end', async () => text((await pem()).trimEnd())],
  ['PEM with CRLF', async () => text((await pem()).replaceAll('\n', '\r\n'))],
  ['DER', async () => der()],
  ['DER in base64', async () => text(Buffer.from(await der()).toString('base64'))],
  ['its modulus', async () => Buffer.from(signers.RS256.jwk.n ?? '', 'base64url')],
  ['an empty secret', async () => new Uint8Array()],
]

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const pem = async () => `${await exportSPKI(signers.RS256.pair.publicKey)}\n`
const der = async () => new Uint8Array(await crypto.subtle.exportKey('spki', signers.RS256.pair.publicKey))

/** Signs a token without a library, because libraries refuse some of these keys. */
async function signedByHand(header: Record<string, unknown>, secret: Uint8Array): Promise<string> {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const body = `${part(header)}.${part(good())}`
  return `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`
}

test.for(publicKeyAsSecret)(
  'an HS256 token signed with the public key (%s) → 401, even if a secret is configured',
  { meta: { id: 'public-key-as-hmac-secret' } },
  async ([, secret]) => {
    for (const alg of ['HS256', 'HS384', 'HS512']) {
      const token = await signedByHand({ alg, kid: signers.RS256.kid, typ: 'JWT' }, await secret())
      for (const one of [gateway, withoutSecret])
        expect(await ask(one, token)).toMatchObject({ status: 401, body: { code: 'token_invalid' } })
    }
    expect((await ask(gateway, await signedByHand({ alg: 'HS256' }, secretKey))).status).toBe(404) // the right secret is accepted
  },
)

/** A server that records its requests. */
async function recordingServer() {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [signers.stranger.jwk] }))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() }
}

test("keys that a token's header refers to are not fetched: 401", {
  meta: { id: 'token-header-keys-ignored' },
}, async () => {
  const { asked, url, close } = await recordingServer()
  try {
    const headers = [
      { jku: `${url}/keys` },
      { x5u: `${url}/cert` },
      { jwk: signers.stranger.jwk },
      { x5c: ['MIIB'] },
      { kid: `${url}/keys` },
    ]
    for (const header of headers) {
      const token = await signed({ ...signers.stranger, kid: signers.RS256.kid }, good(), header)
      expect(await ask(gateway, token)).toMatchObject({ status: 401, body: { code: 'token_invalid' } })
    }
    expect(asked).toEqual([])
  } finally {
    close()
  }
})

test('a redirect of the key server is not followed', { meta: { id: 'jwks-redirect-refused' } }, async () => {
  const { asked, url, close } = await recordingServer()
  const redirecting = createServer((_, response) => response.writeHead(302, { location: `${url}/keys` }).end())
  await once(redirecting.listen(0, '127.0.0.1'), 'listening')
  const remote = remoteKeys(`http://127.0.0.1:${(redirecting.address() as AddressInfo).port}/`, { timeoutMs: 2000 })
  const own = await startGateway({ tokens: { secrets: [], remote, algorithms: null, issuer: null, audience: null } })
  try {
    expect(await ask(own, await signed(signers.stranger))).toMatchObject({ status: 503, body: { code: 'auth_unavailable' } })
    expect(asked).toEqual([])
  } finally {
    await own.close()
    redirecting.close()
    close()
  }
})

/** Claims by which OpenID issuers mark the type of a token. */
const claimsOfTypes: [what: string, claims: Record<string, unknown>, status: number][] = [
  ['typ ID', { typ: 'ID' }, 401],
  ['typ id', { typ: 'id' }, 401],
  ['typ Refresh', { typ: 'Refresh' }, 401],
  ['typ Offline', { typ: 'Offline' }, 401],
  ['at_hash', { at_hash: 'MTIzNDU2Nzg5MDEyMzQ1Ng' }, 401],
  ['c_hash', { c_hash: 'LDktKdoQak3Pk0cnXxCltA' }, 401],
  ['an empty at_hash', { at_hash: '' }, 401],
  ['typ Bearer', { typ: 'Bearer' }, 404],
  ['typ access', { typ: 'access' }, 404],
  ['no typ', {}, 404],
]

test.for(claimsOfTypes)('a token with %s → $2', { meta: { id: 'token-types' } }, async ([, claims, status]) => {
  const ofAKey = await ask(gateway, await signed(signers.RS256, { ...good(), ...claims }))
  const ofASecret = await ask(gateway, await new SignJWT({ ...good(), ...claims }).setProtectedHeader({ alg: 'HS256' }).sign(secretKey))

  const code = status === 401 ? 'token_not_for_access' : 'job_not_found'
  for (const answer of [ofAKey, ofASecret]) expect(answer).toMatchObject({ status, body: { code } })
})

test.for([undefined, 'JWT', 'at+jwt', 'application/at+jwt'])('typ %s in the header is neither required nor refused', async (typ) => {
  expect((await ask(gateway, await signed(signers.RS256, good(), typ === undefined ? {} : { typ }))).status).toBe(404)
})

const refused: [what: string, code: string, token: () => Promise<string>][] = [
  ['with an algorithm that is not allowed', 'token_invalid', () => signed(signers.RS512)],
  ['signed with an unpublished key', 'token_invalid', () => signed({ ...signers.stranger, kid: signers.RS256.kid })],
  [
    'signed with HS256 and the public key as its secret',
    'token_invalid',
    async () =>
      new SignJWT(good())
        .setProtectedHeader({ alg: 'HS256', kid: signers.RS256.kid })
        .sign(new TextEncoder().encode(JSON.stringify(signers.RS256.jwk))),
  ],
  [
    'that contains its own key (jwk)',
    'token_invalid',
    () => signed({ ...signers.stranger, kid: signers.RS256.kid }, good(), { jwk: signers.stranger.jwk }),
  ],
  [
    'that refers to its key by URL (jku)',
    'token_invalid',
    () => signed({ ...signers.stranger, kid: signers.RS256.kid }, good(), { jku: 'http://127.0.0.1:1/' }),
  ],
  ['with a critical header that we do not know', 'token_invalid', () => signedWithCrit()],
  ['from another issuer', 'token_invalid', () => signed(signers.RS256, { ...good(), iss: 'https://evil.example' })],
  ['without an issuer', 'token_invalid', () => signed(signers.RS256, { sub: user, exp: inAnHour(), aud: audience })],
  ['for another audience', 'token_invalid', () => signed(signers.RS256, { ...good(), aud: ['shop', 'blog'] })],
  ['that is not valid yet', 'token_malformed', () => signed(signers.RS256, { ...good(), nbf: inAnHour() })],
  ['that expired two minutes ago', 'token_expired', () => signed(signers.RS256, { ...good(), exp: inAnHour() - 3720 })],
  [
    'signed with HS256 for another audience',
    'token_invalid',
    () => new SignJWT({ ...good(), aud: 'shop' }).setProtectedHeader({ alg: 'HS256' }).sign(secretKey),
  ],
  ['longer than 8 KiB', 'token_malformed', () => signed(signers.RS256, { ...good(), padding: 'x'.repeat(9000) })],
]

/** Written without jose, which refuses to sign critical headers that it does not know. */
async function signedWithCrit(): Promise<string> {
  const header = Buffer.from(JSON.stringify({ alg: 'ES256', kid: signers.ES256.kid, crit: ['cap'], cap: 1 })).toString('base64url')
  const payload = Buffer.from(JSON.stringify(good())).toString('base64url')
  const signature = await crypto.subtle.sign(
    { name: 'ECDSA', hash: 'SHA-256' },
    signers.ES256.pair.privateKey,
    Buffer.from(`${header}.${payload}`),
  )
  return `${header}.${payload}.${Buffer.from(signature).toString('base64url')}`
}

test.for(refused)('a token %s → 401 %s', { meta: { id: 'bad-tokens-jwks' } }, async ([, code, token]) => {
  expect(await ask(gateway, await token())).toMatchObject({ status: 401, body: { code } })
})

test('clocks may differ by up to a minute', { meta: { id: 'clock-leeway' } }, async () => {
  const now = Math.floor(Date.now() / 1000)
  expect((await ask(gateway, await signed(signers.RS256, { ...good(), exp: now - 45, nbf: now + 45 }))).status).toBe(404)
})

test('unknown key ids cause at most one fetch per minute', async () => {
  const server = await keyServer([signers.RS256.jwk])
  const tokens = { secrets: [], remote: remoteKeys(server.url), algorithms: null, issuer: null, audience: null }
  const own = await startGateway({ tokens })
  try {
    expect((await ask(own, await signed(signers.RS256))).status).toBe(404)
    const madeUp = await Promise.all(Array.from({ length: 20 }, (_, i) => signed({ ...signers.stranger, kid: `made-up-${i}` })))
    for (const token of madeUp) expect((await ask(own, token)).status).toBe(401)
    expect(server.state.asked).toBe(1)
  } finally {
    await own.close()
    await server.close()
  }
})

test('an unresponsive key server causes 503 auth_unavailable after a timeout, later at once, until it is back', async () => {
  const server = await keyServer([signers.RS256.jwk])
  server.state.mode = 'silent'
  const remote = remoteKeys(server.url, { timeoutMs: 500, restMs: 3000 })
  const own = await startGateway({ tokens: { secrets: [jwtSecret], remote, algorithms: null, issuer: null, audience: null } })
  try {
    const token = await signed(signers.RS256)
    const first = await ask(own, token)
    expect(first).toMatchObject({ status: 503, body: { code: 'auth_unavailable' } })
    expect(first.headers.get('retry-after')).toBe('5')
    expect(JSON.stringify(first.body)).not.toMatch(/jwks|127\.0\.0\.1|fetch|ECONN/i)

    // the key server is not called, so there is nothing to wait for
    const { asked } = server.state
    expect((await ask(own, token)).status).toBe(503)
    expect(server.state.asked).toBe(asked)
    // tokens signed with the shared secret need no key server
    const shared = await new SignJWT({ sub: user, exp: inAnHour() }).setProtectedHeader({ alg: 'HS256' }).sign(secretKey)
    expect((await ask(own, shared)).status).toBe(404)

    server.state.mode = 'answers'
    await expect.poll(async () => (await ask(own, token)).status, { timeout: 10_000 }).toBe(404)
  } finally {
    await own.close()
    await server.close()
  }
})

test('fetched keys stay valid for a while if their server fails', async () => {
  const server = await keyServer([signers.RS256.jwk])
  const remote = remoteKeys(server.url, { freshForMs: 50, staleForMs: 60_000 })
  const own = await startGateway({ tokens: { secrets: [], remote, algorithms: null, issuer: null, audience: null } })
  try {
    const token = await signed(signers.RS256)
    expect((await ask(own, token)).status).toBe(404)
    server.state.mode = 'fails'
    await expect.poll(() => ask(own, token).then(() => server.state.asked)).toBeGreaterThan(1)
    expect((await ask(own, token)).status).toBe(404)
    expect(await ask(own, await signed(signers.ES256))).toMatchObject({ status: 503, body: { code: 'auth_unavailable' } })
  } finally {
    await own.close()
    await server.close()
  }
})

test('only a service can act for a user, and the row contains the service', { meta: { id: 'service-acts-for-user' } }, async () => {
  const onBehalf = { 'airlock-on-behalf-of': user.toUpperCase() }
  const ofService = await signed(signers.RS256, { ...good(), sub: service, scope: 'service' })
  const body = formOf([['asset_type', 'brand_image'], await photo()])

  const sent = await answerOf(
    await fetch(`${gateway.url}/api/upload`, { method: 'POST', headers: { authorization: `Bearer ${ofService}`, ...onBehalf }, body }),
  )

  expect(sent.status).toBe(202)
  const [upload] = sent.body.uploads
  expect(await gateway.database.uploads.byId(upload.upload_id)).toMatchObject({ userId: user, actedBy: service })
  const own = await signed(signers.RS256)
  expect((await answerOf(await fetch(gateway.url + upload.status_url, { headers: { authorization: `Bearer ${own}` } }))).status).toBe(200)

  expect(await ask(gateway, own, onBehalf)).toMatchObject({ status: 403, body: { code: 'scope_missing' } })
  expect(await ask(gateway, ofService, { 'airlock-on-behalf-of': 'me' })).toMatchObject({
    status: 400,
    body: { code: 'request_malformed' },
  })
})

test('only the scope ops may retry', { meta: { id: 'ops-scope' } }, async () => {
  const retry = async (scope: string) => {
    const headers = { authorization: `Bearer ${await signed(signers.EdDSA, { ...good(), scope })}` }
    return answerOf(await fetch(`${gateway.url}/api/jobs/${randomUUID()}/retry`, { method: 'POST', headers }))
  }
  expect(await retry('service')).toMatchObject({ status: 403, body: { code: 'scope_missing' } })
  expect(await retry('read ops')).toMatchObject({ status: 404, body: { code: 'job_not_found' } })
})
