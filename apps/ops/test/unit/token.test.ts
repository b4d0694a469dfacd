import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { decodeProtectedHeader, jwtVerify } from 'jose'
import { expect, test } from 'vitest'
import { UsageError } from '../../src/command.ts'
import { tokenCommand } from '../../src/commands/token.ts'

const secret = 'a-secret-of-this-test-with-enough-bytes'
const userId = '0198c0de-0000-7000-8000-000000000001'

/** @returns the output of `token` for these arguments */
async function token(args: string[], env: Record<string, string> = { JWT_SECRET: secret }): Promise<string> {
  const lines: string[] = []
  const exitCode = await tokenCommand.run(args, { env, out: (text) => lines.push(text), err: (text) => lines.push(text) })
  expect(exitCode).toBe(0)
  expect(lines).toHaveLength(1)
  return lines.join()
}

const verified = async (jwt: string, key = secret) =>
  (await jwtVerify(jwt, new TextEncoder().encode(key), { algorithms: ['HS256'], requiredClaims: ['sub', 'iat', 'exp'] })).payload

test('a token is valid for its user for 24 hours, without scopes', async () => {
  const jwt = await token(['--user', userId.toUpperCase()])
  const { sub, iat = 0, exp = 0, ...more } = await verified(jwt)

  expect(sub).toBe(userId)
  expect(exp - iat).toBe(24 * 3600)
  expect(Math.abs(Date.now() / 1000 - iat)).toBeLessThan(10)
  expect(more).toEqual({})
  expect(decodeProtectedHeader(jwt)).toEqual({ alg: 'HS256', typ: 'JWT' })
})

test('scopes are one claim, separated by spaces, without duplicates', async () => {
  expect((await verified(await token(['--user', userId, '--scope', 'service, ops,service']))).scope).toBe('service ops')
})

test('--json prints what was signed', async () => {
  const printed = JSON.parse(await token(['--user', userId, '--scope', 'ops', '--json']))
  expect(printed).toEqual({ token: expect.any(String), user_id: userId, scopes: ['ops'], hours: 24 })
  expect((await verified(printed.token)).scope).toBe('ops')
})

test('hours may be fractional', async () => {
  const { iat = 0, exp = 0 } = await verified(await token(['--user', userId, '--hours', '0.5']))

  expect(exp - iat).toBe(1800)
})

test('the first of several secrets signs', async () => {
  const jwt = await token(['--user', userId], { JWT_SECRET: `${secret},${secret}-the-older-one` })

  expect((await verified(jwt)).sub).toBe(userId)
})

test.each([
  [[], '--user is missing'],
  [['--user', 'ann'], "--user is 'ann': a UUID"],
  [['--user', userId, '--scope', 'service,admin'], "--scope has 'admin': service, ops"],
  [['--user', userId, '--scope', ''], "--scope has ''"],
  [['--user', userId, '--hours', 'many'], "--hours is 'many'"],
  [['--user', userId, '--hours', '0'], "--hours is '0'"],
  [['--user', userId, '--hours', '8761'], "--hours is '8761'"],
])('%j is reported as invalid', async (args, message) => {
  await expect(token(args)).rejects.toThrow(UsageError)
  await expect(token(args)).rejects.toThrow(message)
})

test('an unexpected argument is an error', async () => {
  await expect(token(['--user', userId, 'ops'])).rejects.toThrow(/Unexpected argument 'ops'/)
})

test('a short secret is refused', async () => {
  await expect(token(['--user', userId], { JWT_SECRET: 'short' })).rejects.toThrow(/JWT_SECRET .*at least 32 bytes/)
})

test('the command prints only the token, for use in a shell', async () => {
  const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [main, 'token', '--user', userId], {
    env: { ...process.env, JWT_SECRET: secret, AIRLOCK_DATA_DIR: '/nowhere', AIRLOCK_ENV_FILE: '' },
  })

  expect((await verified(stdout.trimEnd())).sub).toBe(userId)
  expect(stderr).toBe('')
})
