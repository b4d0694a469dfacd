import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { withStackSettings } from '../../src/stack-settings.ts'

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

const leave = (content: string): void => writeFileSync(join(folder, 'stack.json'), content)

/** The settings of an environment beside a stack file. */
const settings = (env: Record<string, string>) => {
  const { AIRLOCK_DATA_DIR: _, ...rest } = withStackSettings({ ...env, AIRLOCK_DATA_DIR: folder })
  return rest
}

test('an environment that says nothing takes everything from the stack', () => {
  leave(JSON.stringify({ environment: stack }))

  expect(settings({ LOG_LEVEL: 'debug' })).toEqual({ LOG_LEVEL: 'debug', ...stack })
})

test('an environment that names another server takes none from the stack, so that they never mix', () => {
  leave(JSON.stringify({ environment: stack }))

  expect(settings({ DATABASE_URL: 'postgres://production/airlock' })).toEqual({
    DATABASE_URL: 'postgres://production/airlock',
    JWT_SECRET: stack.JWT_SECRET,
  })
})

test('an environment that names the very server of the stack is filled up', () => {
  leave(JSON.stringify({ environment: stack }))

  expect(settings({ DATABASE_URL: stack.DATABASE_URL, REDIS_URL: '' })).toEqual(stack)
})

test("credentials alone name no server and give way to the stack's", () => {
  leave(JSON.stringify({ environment: stack }))

  expect(settings({ AWS_ACCESS_KEY_ID: 'for-something-else' })).toEqual(stack)
})

test('a secret of the environment is never replaced', () => {
  leave(JSON.stringify({ environment: stack }))

  expect(settings({ JWT_SECRET: 'the-secret-of-the-environment' })).toEqual({ ...stack, JWT_SECRET: 'the-secret-of-the-environment' })
})

test('without a stack file the environment stays as it is', () => {
  expect(settings({ LOG_LEVEL: 'debug' })).toEqual({ LOG_LEVEL: 'debug' })
})

test('a stack file without settings adds nothing', () => {
  leave('{}')

  expect(settings({})).toEqual({})
})

test('a damaged stack file is named', () => {
  leave('{"environment":')

  expect(() => settings({})).toThrow(/stack\.json is damaged/)
})

test('a stack file that can not be opened is no reason to go on without it', () => {
  expect(() => withStackSettings({ AIRLOCK_DATA_DIR: `${folder}\0` })).toThrow()
})
