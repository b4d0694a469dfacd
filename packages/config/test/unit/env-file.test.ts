import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loadEnvFile, readEnvFile } from '../../src/index.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'env file '))
  path = join(folder, 'my.env')
})
afterEach(() => rmSync(folder, { recursive: true }))

test('the environment takes precedence over the file, even with an empty value', () => {
  writeFileSync(path, 'PORT=4000\nLOG_LEVEL=debug\nCORS_ORIGINS="https://a.example"\n#HOST=0.0.0.0\n')
  const env: NodeJS.ProcessEnv = { AIRLOCK_ENV_FILE: path, PORT: '5000', LOG_LEVEL: '' }

  expect(loadEnvFile(env)).toBe(path)
  expect(env).toEqual({ AIRLOCK_ENV_FILE: path, PORT: '5000', LOG_LEVEL: '', CORS_ORIGINS: 'https://a.example' })
})

test('an empty AIRLOCK_ENV_FILE means that no file is read', () => {
  const env: NodeJS.ProcessEnv = { AIRLOCK_ENV_FILE: '' }

  expect(loadEnvFile(env)).toBeNull()
  expect(env).toEqual({ AIRLOCK_ENV_FILE: '' })
})

test('a named file that is missing is an error', () => {
  expect(() => readEnvFile({ AIRLOCK_ENV_FILE: path })).toThrow(`${path} can't be read: ENOENT`)
})
