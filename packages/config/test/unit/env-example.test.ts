import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { configurationTable, envExample, readConfig, variableNames } from '../../src/index.ts'

const repository = new URL('../../../../', import.meta.url)
const fileText = (path: string) => readFile(new URL(path, repository), 'utf8')

test('.env.example is what the code reads (npm run docs writes it anew)', async () => {
  expect(await fileText('.env.example')).toBe(envExample())
})

test('docs/configuration.md holds the table of what the code reads (npm run docs writes it anew)', async () => {
  expect(await fileText('docs/configuration.md')).toContain(configurationTable())
})

test('.env.example can be started from as it is', () => {
  const env = Object.fromEntries(
    envExample()
      .split('\n')
      .filter((line) => /^[A-Z]/.test(line))
      .map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]),
  )
  expect(Object.keys(env)).toEqual(variableNames)
  expect(readConfig(env, variableNames).S3_BUCKET_NAME).toBe('zapcut-dev')
})
