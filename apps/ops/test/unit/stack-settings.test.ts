import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { settingsOf, withStackSettings } from '../../src/stack-settings.ts'

const stack = {
  DATABASE_URL: 'postgres://stack/airlock',
  REDIS_URL: 'redis://stack',
  S3_ENDPOINT: 'http://stack',
  S3_BUCKET_NAME: 'zapcut-dev',
  AWS_ACCESS_KEY_ID: 'stack-key',
  JWT_SECRET: 'the-secret-of-the-stack',
}

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ops settings '))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** The content of a stack file whose `npm start` is running; the test process stands for it. */
const running = (environment: object): string => JSON.stringify({ environment, owner: { pid: process.pid } })

const leave = (content: string): void => writeFileSync(join(folder, 'stack.json'), content)

/** The settings of a command with this environment and the stack file. */
const settings = (env: Record<string, string>) => {
  const { AIRLOCK_DATA_DIR: _, ...rest } = withStackSettings({ ...env, AIRLOCK_DATA_DIR: folder })
  return rest
}

test('an empty environment uses all settings of the stack', () => {
  leave(running(stack))

  expect(settings({ LOG_LEVEL: 'debug' })).toEqual({ LOG_LEVEL: 'debug', ...stack })
})

test('an environment with another server uses no settings of the stack', () => {
  leave(running(stack))

  expect(settings({ DATABASE_URL: 'postgres://production/airlock' })).toEqual({
    DATABASE_URL: 'postgres://production/airlock',
    JWT_SECRET: stack.JWT_SECRET,
  })
})

test("an environment with the stack's server is completed from the stack", () => {
  leave(running(stack))

  expect(settings({ DATABASE_URL: stack.DATABASE_URL, REDIS_URL: '' })).toEqual(stack)
})

test("credentials without a server are replaced by the stack's", () => {
  leave(running(stack))

  expect(settings({ AWS_ACCESS_KEY_ID: 'for-something-else' })).toEqual(stack)
})

test('a secret in the environment is never replaced', () => {
  leave(running(stack))

  expect(settings({ JWT_SECRET: 'the-secret-of-the-environment' })).toEqual({ ...stack, JWT_SECRET: 'the-secret-of-the-environment' })
})

test('without a stack file the environment is unchanged', () => {
  expect(settings({ LOG_LEVEL: 'debug' })).toEqual({ LOG_LEVEL: 'debug' })
})

test('a stack file without settings adds nothing', () => {
  leave('{}')

  expect(settings({})).toEqual({})
})

test('a damaged stack file is reported', () => {
  leave('{"environment":')

  expect(() => settings({})).toThrow(/stack\.json is damaged/)
})

test("a stack file that can't be opened is an error", () => {
  expect(() => withStackSettings({ AIRLOCK_DATA_DIR: `${folder}\0` })).toThrow()
})

test('a stopped stack adds nothing', () => {
  leave(JSON.stringify({ environment: stack, owner: null }))
  expect(settings({})).toEqual({})

  leave(JSON.stringify({ environment: stack, owner: { pid: 2 ** 22 + 1 } })) // beyond the largest pid of Linux and macOS
  expect(settings({})).toEqual({})
})

test('a running stack takes precedence over .env, and the environment over both', () => {
  const path = join(folder, 'my.env')
  writeFileSync(path, 'DATABASE_URL=postgres://production\nLOG_LEVEL=warn\nEVENT_DAYS=9\n')
  const env = { AIRLOCK_DATA_DIR: folder, AIRLOCK_ENV_FILE: path, LOG_LEVEL: 'debug' }

  expect(settingsOf(env)).toEqual({ ...env, DATABASE_URL: 'postgres://production', EVENT_DAYS: '9' })

  leave(running(stack))
  expect(settingsOf(env)).toEqual({ ...env, ...stack, EVENT_DAYS: '9' })
})
