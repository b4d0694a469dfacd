import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeEach, expect } from 'vitest'
import { problem, test } from '../../../../packages/client/test/fake-gateway.ts'
import { run } from '../../src/program.ts'
import { loginFile, serverUrl, tokenFor } from '../../src/server.ts'
import { fakeTerminal } from '../fake-terminal.ts'

const root = mkdtempSync(join(tmpdir(), 'airlock-cli-'))
afterAll(() => rmSync(root, { recursive: true }))

let env: Record<string, string>
beforeEach(() => {
  const home = mkdtempSync(join(root, 'home-'))
  env = { XDG_CONFIG_HOME: join(home, 'config'), XDG_STATE_HOME: join(home, 'state') }
})

const never = new Promise<void>(() => {})

async function airlock(args: readonly string[], { stdin = '', more = {} }: { stdin?: string; more?: Record<string, string> } = {}) {
  const { terminal, stdout, stderr } = fakeTerminal({ env: { ...env, ...more }, stdin })
  const code = await run(args, { terminal, stop: never })
  return { code, stdout: stdout(), stderr: stderr() }
}

const jwt = (claims: object) => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`
const noJobs = { json: { jobs: [], unknown: [], next_cursor: null } }

const commands = [[], ['upload'], ['jobs'], ['assets'], ['assets', 'list'], ['assets', 'url'], ['assets', 'delete'], ['login'], ['logout']]
test.for(commands)('the help of %s fits 80 columns', async (command) => {
  const { code, stdout, stderr } = await airlock([...command, '--help'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toContain(`Usage: ${['airlock', ...command].join(' ')}`)
  for (const line of stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80)
})

test('the version is that of the package', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  expect(await airlock(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
})

const misuses: [args: string[], sentence: RegExp][] = [
  [[], /Usage: airlock/],
  [['uplaod', 'x'], /unknown command 'uplaod'\n\(Did you mean upload\?\)/],
  [['upload', '--asset-typ', 'x', 'y'], /unknown option '--asset-typ'\n\(Did you mean --asset-type\?\)\nRun 'airlock upload --help'/],
  [['upload', '--asset-type', 'picture', 'y'], /Allowed choices are brand_image, generated_video, lora_training/],
  [['upload', '--concurrency', '17', 'y'], /not a whole number from 1 to 16/],
  [['upload', '--project', '4711', 'y'], /not a UUID/],
  [['upload', '--metadata', 'order', 'y'], /not name=value/],
  [['upload'], /missing required argument 'file'/],
  [['jobs', '--limit', '0'], /not a whole number/],
  [['jobs', '--url', 'file:///etc/passwd'], /not the URL of a server/],
  [['jobs', '--url', 'https://me:secret@airlock.example.com'], /must not contain a password/],
  [['jobs'], /no token for http:\/\/127.0.0.1:3000. Log in with 'airlock login/],
  [['login', 'two words'], /not a token/],
  [['login', 'a', '--token-file', 'b'], /not both/],
  [['login', '--token-file', '/nowhere/token'], /'\/nowhere\/token' does not exist/],
  [['login'], /The token is empty/],
]
test.for(misuses)('%j is a misuse', async ([args, sentence]) => {
  const { code, stdout, stderr } = await airlock(args)
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toMatch(sentence)
})

test('a token is stored after the server has accepted it, for its owner only, and never printed', async ({ gateway }) => {
  gateway.routes = { 'GET /api/jobs': [noJobs] }
  const token = jwt({ sub: 'user-1', exp: 4_102_444_800 })
  const { code, stdout, stderr } = await airlock(['login', '--url', `${gateway.url}/`], { stdin: `${token}\n` })

  expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
  expect(stderr).toContain(`Logged in to ${gateway.url} as user-1, until 1 Jan 2100`)
  expect(stderr).not.toContain(token)
  const file = loginFile(env)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(statSync(dirname(file)).mode & 0o777).toBe(0o700)
  expect(gateway.to('GET /api/jobs')[0]?.headers.authorization).toBe(`Bearer ${token}`)
  expect(serverUrl(env, undefined)).toBe(gateway.url)

  chmodSync(file, 0o644)
  expect((await airlock(['jobs'])).stderr).toContain('other users can read your tokens')
  await airlock(['login', '--url', gateway.url, token])
  expect(statSync(file).mode & 0o777).toBe(0o600)
})

test('a token comes from an argument with a warning, from a file, or from the environment', async ({ gateway }) => {
  gateway.routes = { 'GET /api/jobs': [noJobs] }
  const file = join(root, 'token')
  writeFileSync(file, 'from-file\n')
  const url = ['--url', gateway.url]
  const stored = () => tokenFor(gateway.url, env)

  expect((await airlock(['login', 'from-argument', ...url])).stderr).toContain('stays in the history of the shell')
  expect(stored()).toBe('from-argument')
  expect((await airlock(['login', '--token-file', file, ...url])).stderr).not.toContain('history')
  expect(stored()).toBe('from-file')
  await airlock(['login', '-', ...url], { stdin: 'from-stdin' })
  expect(stored()).toBe('from-stdin')
  await airlock(['login', ...url], { more: { AIRLOCK_TOKEN: 'from-environment' } })
  expect(stored()).toBe('from-environment')
})

test('a token that the server refuses, or that cannot be tried, is not stored', async ({ gateway }) => {
  gateway.routes = { 'GET /api/jobs': [{ status: 401, json: problem('token_expired', 'The token has expired.') }] }
  const refused = await airlock(['login', 'old', '--url', gateway.url])
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('The token has expired. Nothing was stored.') })
  const gone = await airlock(['login', 'old', '--url', 'http://127.0.0.1:47999'])
  expect(gone).toMatchObject({ code: 1, stderr: expect.stringContaining('the connection was refused. Nothing was stored.') })
  expect(tokenFor(gateway.url, env)).toBeNull()
})

test('a token is sent only to the server for which it was stored', async ({ gateway }) => {
  gateway.routes = { 'GET /api/jobs': [noJobs] }
  await airlock(['login', 'mine', '--url', gateway.url])
  const earlier = gateway.requests.length

  const other = gateway.url.replace('127.0.0.1', 'localhost')
  for (const url of [other, `${gateway.url}/other`])
    expect(await airlock(['jobs', '--url', url])).toMatchObject({ code: 2, stderr: expect.stringContaining('There is no token for') })
  expect(await airlock(['jobs'], { more: { AIRLOCK_URL: other } })).toMatchObject({ code: 2 })
  expect(gateway.requests.length).toBe(earlier)

  expect((await airlock(['logout'])).stderr).toBe(`The token for ${gateway.url} is deleted.\n`)
  expect((await airlock(['logout', '--url', gateway.url])).stderr).toBe(`There was no token for ${gateway.url}.\n`)
  expect(readFileSync(loginFile(env), 'utf8')).not.toContain('mine')
})

test('a token of the environment takes precedence, and a broken file of tokens is named', async ({ gateway }) => {
  gateway.routes = { 'GET /api/jobs': [noJobs] }
  await airlock(['login', 'stored', '--url', gateway.url])
  expect(await airlock(['jobs'], { more: { AIRLOCK_TOKEN: 'given' } })).toMatchObject({ code: 0, stderr: 'There are no jobs.\n' })
  expect(gateway.requests.at(-1)?.headers.authorization).toBe('Bearer given')

  writeFileSync(loginFile(env), '{"tokens": ')
  expect(await airlock(['jobs'])).toMatchObject({ code: 2, stderr: expect.stringContaining(`'${loginFile(env)}' can't be read`) })
})

test('assets are listed by their provenance', async ({ gateway }) => {
  gateway.routes = { 'GET /api/assets': [{ json: { assets: [], next_cursor: null } }] }
  const more = { AIRLOCK_URL: gateway.url, AIRLOCK_TOKEN: 'a-token' }
  await airlock(['assets', 'list', '--provenance', 'trusted', '--ai-generated', 'no'], { more })
  const [request] = gateway.to('GET /api/assets')
  expect([request?.query.get('provenance'), request?.query.get('ai_generated')]).toEqual(['trusted', 'false'])
})

test('assets are listed page by page, and deleted only with consent', async ({ gateway }) => {
  const asset = (id: string) => ({ asset_id: id, size_bytes: 1536, original_filename: `${id}\u001b[31m.png` })
  gateway.routes = {
    'GET /api/assets': [
      { json: { assets: [asset('a'), asset('b')], next_cursor: 'next' } },
      { json: { assets: [asset('c')], next_cursor: null } },
    ],
    'DELETE /api/assets/a': [{ status: 204 }],
    'DELETE /api/assets/b': [{ status: 409, json: problem('asset_in_use', 'A brand shows it.') }],
    'GET /api/assets/a/presigned': [{ json: { ...asset('a'), presigned_url: 'http://store/a?signature' } }],
  }
  const more = { AIRLOCK_URL: gateway.url, AIRLOCK_TOKEN: 'a-token' }

  expect((await airlock(['assets', 'list'], { more })).stdout).toBe(
    'a   1.5 KiB  a\ufffd[31m.png\nb   1.5 KiB  b\ufffd[31m.png\nc   1.5 KiB  c\ufffd[31m.png\n',
  )
  expect(gateway.to('GET /api/assets')[1]?.query.get('cursor')).toBe('next')
  expect(await airlock(['assets', 'url', 'a'], { more })).toEqual({ code: 0, stdout: 'http://store/a?signature\n', stderr: '' })
  expect(await airlock(['assets', 'delete', 'a'], { more })).toMatchObject({ code: 2, stderr: expect.stringContaining('needs --yes') })
  const deleted = await airlock(['assets', 'delete', '--yes', 'b', 'a'], { more })
  expect(deleted).toEqual({ code: 1, stdout: '✓ a is deleted\n', stderr: '✗ b  asset_in_use: A brand shows it.\n' })
})
