import { SignJWT } from 'jose'
import { describe, expect } from 'vitest'
import { answerOf, formOf, jwtSecret, photo, test } from '../gateway.ts'

const user = '0190a000-0000-4000-8000-00000000000a'
const inAnHour = () => Math.floor(Date.now() / 1000) + 3600
const key = (secret: string) => new TextEncoder().encode(secret)
const signed = (claims: Record<string, unknown>, secret = jwtSecret, alg = 'HS256') =>
  new SignJWT(claims).setProtectedHeader({ alg }).sign(key(secret))
const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

const routes: [method: string, path: string][] = [
  ['POST', '/api/upload'],
  ['GET', `/api/jobs/${user}`],
  ['GET', `/api/assets/${user}`],
  ['GET', `/api/assets/${user}/presigned`],
]

describe.for(routes)('%s %s', ([method, path]) => {
  const cases: [what: string, code: string, header: () => Promise<string | undefined>][] = [
    ['no token', 'token_missing', async () => undefined],
    ['another scheme', 'token_malformed', async () => 'Basic dXNlcjpwYXNz'],
    ['a text that is not a JWT', 'token_malformed', async () => 'Bearer not.a.token'],
    ['an expired token', 'token_expired', async () => `Bearer ${await signed({ sub: user, exp: inAnHour() - 7200 })}`],
    ['a token without exp', 'token_malformed', async () => `Bearer ${await signed({ sub: user })}`],
    ['a token without sub', 'token_malformed', async () => `Bearer ${await signed({ exp: inAnHour() })}`],
    ['a token whose sub is not a UUID', 'token_malformed', async () => `Bearer ${await signed({ sub: "1' or 1=1", exp: inAnHour() })}`],
    [
      'a token signed with another key',
      'token_invalid',
      async () => `Bearer ${await signed({ sub: user, exp: inAnHour() }, 'another-secret-of-somebody-else-entirely')}`,
    ],
    ['a token with alg none', 'token_invalid', async () => `Bearer ${base64({ alg: 'none' })}.${base64({ sub: user, exp: inAnHour() })}.`],
    [
      'a token with an algorithm that is not allowed',
      'token_invalid',
      async () => `Bearer ${await signed({ sub: user, exp: inAnHour() }, jwtSecret.repeat(2), 'HS512')}`,
    ],
  ]

  test.for(cases)('%s → 401 %s', { meta: { id: 'bad-tokens' } }, async ([, code, header], { gateway }) => {
    const authorization = await header()
    const body = method === 'POST' ? formOf([['asset_type', 'brand_image'], await photo()]) : null

    const answer = await answerOf(
      await fetch(gateway.url + path, { method, headers: authorization === undefined ? {} : { authorization }, body }),
    )

    expect(answer).toMatchObject({
      status: 401,
      body: { code, error: expect.any(String), detail: expect.any(String), request_id: expect.any(String) },
    })
    expect(answer.headers.get('www-authenticate')).toBe('Bearer')
  })
})

test('a token of the secret before the last rotation still works', async ({ gateway }) => {
  const token = await signed({ sub: user, exp: inAnHour() }, 'an-older-secret-that-still-verifies-tokens')
  const answer = await answerOf(await fetch(`${gateway.url}/api/jobs/${user}`, { headers: { authorization: `bearer ${token}` } }))
  expect(answer).toMatchObject({ status: 404, body: { code: 'job_not_found' } })
})
