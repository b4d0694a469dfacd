import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { bytesInMemory } from '@airlock/domain'
import { inspect } from '@airlock/inspection/full'
import { describe, expect, test } from 'vitest'
import { corpusFolder } from '../../corpus/cache.ts'
import { manifest } from '../../corpus/manifest.ts'
import { outcome, typeAtTheDoor } from '../sources.ts'

const folder = await corpusFolder()
const good = manifest.filter(({ expect }) => expect === 'completed')
const bad = manifest.filter(({ expect }) => expect !== 'completed')

async function judged({ file, as: assetType }: (typeof manifest)[number]) {
  const filename = file.slice(file.lastIndexOf('/') + 1)
  const bytes = readFileSync(join(folder, file))
  return inspect(bytesInMemory(bytes), { filename, mediaType: await typeAtTheDoor(filename, bytes, assetType), assetType })
}

describe('good files are accepted', { timeout: 20_000 }, () => {
  test.each(good)('$file: $why', async (entry) => {
    expect(outcome(await judged(entry))).toMatchObject({ inspection_version: expect.any(Number) })
  })
})

describe('bad files are rejected for the expected reason', { meta: { id: 'corpus-rejections' }, timeout: 20_000 }, () => {
  test.each(bad)('$file: $why', async (entry) => {
    const result = String(outcome(await judged(entry)))

    expect(result.slice(0, result.indexOf(':'))).toBe(entry.expect)
    expect(result).toMatch(entry.detail ?? /never/)
  })
})

test('the corpus has enough files, each with a unique reason', () => {
  expect(good.length).toBeGreaterThanOrEqual(120)
  expect(bad.length).toBeGreaterThanOrEqual(180)
  expect(new Set(manifest.map(({ file }) => file)).size).toBe(manifest.length)
  expect(new Set(manifest.map(({ why }) => why)).size).toBe(manifest.length)
})
