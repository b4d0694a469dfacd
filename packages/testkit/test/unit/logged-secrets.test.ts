import { variableNames, variables } from '@airlock/config'
import { expect, test } from 'vitest'
import { mustHoldNoSecret, secretSettings, secretsIn, secretsOf } from '../../src/logged-secrets.ts'

const env = {
  DATABASE_URL: 'postgres://airlock:a%2Flong-password@127.0.0.1:5432/airlock',
  REDIS_URL: 'redis://127.0.0.1:6379',
  JWT_SECRET: 'the-new-one-of-thirty-two-bytes-x,the-old-one-of-thirty-two-bytes-x',
  WEBHOOK_URLS: 'https://example.com/hook?token=of-the-endpoint',
  S3_BUCKET_NAME: 'zapcut-dev',
}

test('every secret setting is searched in logs', () => {
  expect(variableNames.filter((name) => 'secret' in variables[name] && !secretSettings.test(name))).toEqual([])
})

test('secrets are passwords, keys and endpoint URLs, encoded and decoded', () => {
  expect(secretsOf(env).map(({ value }) => value)).toEqual([
    'a%2Flong-password',
    'a/long-password',
    'the-new-one-of-thirty-two-bytes-x',
    'the-old-one-of-thirty-two-bytes-x',
    '/hook?token=of-the-endpoint',
    'token=of-the-endpoint',
  ])
})

test.for([
  ['password authentication failed: a/long-password', 'the value of DATABASE_URL'],
  ['{"secret":"the-old-one-of-thirty-two-bytes-x"}', 'the value of JWT_SECRET'],
  ['POST https://example.com/hook?token=of-the-endpoint', 'the value of WEBHOOK_URLS'],
  ['Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJlLW9mLWEtdG9rZW4', 'a token'],
  ['https://s3/a?X-Amz-Signature=0123456789abcdef', 'a presigned URL'],
  ['GET /api/uploads/1/parts?capability=cap_Rk1t0qzN4mO7J0bVfYx3l2cSgU8wEa6hPdIyTnQ5r9A', 'a capability'],
  ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'a secret of webhooks'],
] as const)('%s is found', ([line, what]) => {
  expect(secretsIn(line, env)).toEqual([what])
  expect(() => mustHoldNoSecret('the gateway', env, `harmless\n${line}\n`)).toThrow(`the gateway wrote ${what}`)
})

test('the message about a secret does not contain it', () => {
  const found = () => mustHoldNoSecret('the gateway', env, 'password: a/long-password')
  expect(found).toThrow('the gateway wrote the value of DATABASE_URL: password: [secret]')
})

test('other values are not found', () => {
  const text = 'zapcut-dev 127.0.0.1:5432 airlock https://example.com requestId 0198c0de'
  expect(secretsIn(text, env)).toEqual([])
  expect(() => mustHoldNoSecret('the gateway', env, text)).not.toThrow()
})
