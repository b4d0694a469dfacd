import { readFile } from 'node:fs/promises'
import { parseEnv } from 'node:util'
import { readConfig, variableNames } from '@airlock/config'
import { expect, test } from 'vitest'
import { configurationTable, envExample } from '../../src/commands/docs.ts'

const repository = new URL('../../../../', import.meta.url)
const fileText = (path: string) => readFile(new URL(path, repository), 'utf8')

test('.env.example matches the settings in the code (npm run docs updates it)', async () => {
  expect(await fileText('.env.example')).toBe(envExample())
})

test('docs/configuration.md matches the settings in the code (npm run docs updates it)', async () => {
  expect(await fileText('docs/configuration.md')).toContain(configurationTable())
})

test('a copy of .env.example sets nothing', () => {
  expect(parseEnv(envExample())).toEqual({})
})

test('every line of .env.example can be uncommented', () => {
  const env = parseEnv(envExample().replaceAll(/^#(?=[A-Z])/gm, ''))

  const ours = Object.keys(env).filter((name) => !name.startsWith('OTEL_')) // its libraries read the others
  expect(ours.toSorted()).toEqual(variableNames.toSorted())
  expect(readConfig(env, variableNames).S3_BUCKET_NAME).toBe('zapcut-dev')
})
