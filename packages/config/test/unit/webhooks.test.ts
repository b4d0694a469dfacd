import { expect, test } from 'vitest'
import { ConfigError, type Environment, readConfig, webhookSettings, webhookVariables } from '../../src/index.ts'

const secret = (bytes: number): string => `whsec_${Buffer.alloc(bytes, bytes).toString('base64')}`
const [one, two, three] = [secret(24), secret(32), secret(64)]

function problemsOf(env: Environment): string {
  try {
    readConfig(env, webhookVariables)
    return ''
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.message
  }
}

test('without settings there are no webhooks', () => {
  expect(webhookSettings(readConfig({}, webhookVariables))).toEqual({ endpoints: [], allowPrivate: false, concurrency: 4 })
})

test('each endpoint has the secrets at its position, and both sign during a rotation', () => {
  const env = { WEBHOOK_URLS: 'https://a.example.com/hooks, https://b.example.com/?token=t', WEBHOOK_SECRETS: `${one}|${two} ${three}` }
  expect(webhookSettings(readConfig(env, webhookVariables)).endpoints).toEqual([
    { url: 'https://a.example.com/hooks', secrets: [one, two] },
    { url: 'https://b.example.com/?token=t', secrets: [three] },
  ])
})

test('all mistakes are reported together, without URLs or secrets', () => {
  const env = {
    WEBHOOK_URLS: 'https://x-ray.example.com,ftp://x-ray.example.com, x-ray https://X-RAY.example.com/ https://x-ray.example.com/#here',
    WEBHOOK_SECRETS: `${one}|whsec_x-ray ${secret(23)},${secret(65)},x-ray ${two.replace('=', '')} ${one.slice('whsec_'.length)}`,
  }
  const problems = problemsOf(env)
  for (const problem of ['number 2 must be', 'number 3 must be', 'number 4 is a duplicate', 'number 5 must be'])
    expect(problems).toContain(problem)
  for (const place of ['secret 2 of number 1', ...[2, 3, 4, 5, 6].map((i) => `secret 1 of number ${i}`)])
    expect(problems).toContain(`${place} must be whsec_ and 24 to 64 bytes in base64`)
  expect(problems.toLowerCase()).not.toContain('x-ray')
})

test('the numbers of secrets and URLs must be equal', () => {
  expect(problemsOf({ WEBHOOK_URLS: 'https://a.example.com' })).toMatch(
    /WEBHOOK_SECRETS +must have exactly one entry for each of WEBHOOK_URLS/,
  )
  expect(problemsOf({ WEBHOOK_URLS: 'https://a.example.com', WEBHOOK_SECRETS: `${one},${two}` })).toContain('WEBHOOK_SECRETS')
  expect(problemsOf({ WEBHOOK_SECRETS: one })).toContain('WEBHOOK_SECRETS')
})

test('http:// requires that private networks are allowed', () => {
  const env = { WEBHOOK_URLS: 'http://product.internal/hooks', WEBHOOK_SECRETS: one }
  expect(problemsOf(env)).toMatch(/WEBHOOK_URLS +contains an http:/)
  expect(problemsOf({ ...env, WEBHOOK_ALLOW_PRIVATE: 'true' })).toBe('')
})
