import { readFile } from 'node:fs/promises'
import { parseEnv } from 'node:util'
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

test('a copy of .env.example sets nothing: no default is pinned, and no example is taken for a server or a secret', () => {
  expect(parseEnv(envExample())).toEqual({})
})

test('every line of .env.example can be uncommented', () => {
  const env = parseEnv(envExample().replaceAll(/^#(?=[A-Z])/gm, ''))

  expect(Object.keys(env).toSorted()).toEqual(variableNames.toSorted())
  expect(readConfig(env, variableNames).S3_BUCKET_NAME).toBe('zapcut-dev')
})
