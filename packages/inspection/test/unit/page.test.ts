import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { manifest } from '../../corpus/manifest.ts'
import { byteSignatures, textSignatures } from '../../src/full/suspicious/signatures.ts'

/** docs/inspection.md, on one line. */
const page = readFileSync(new URL('../../../../docs/inspection.md', import.meta.url), 'utf8').replace(/\s+/g, ' ')

test('the page lists every signature of suspicious content', () => {
  expect([...textSignatures, ...byteSignatures].map(({ found }) => found).filter((found) => !page.includes(found))).toEqual([])
})

test('the page contains the reason of every signature for texts', () => {
  const reasons = new Set(textSignatures.map(({ reason }) => reason))
  // two kinds of scripts have the same reason; the page says "the same" for the second
  expect([...reasons].filter((reason) => !page.includes(reason))).toEqual([])
})

test('the page has the current number of corpus files', () => {
  const good = manifest.filter(({ expect }) => expect === 'completed').length
  const counts = `${manifest.length} files, ${good} that must pass and ${manifest.length - good} that must not`

  expect(page).toContain(counts)
  expect(page).toContain(`| Airlock | ${manifest.length} | 0 of ${manifest.length - good} | 0 of ${good} |`)
})

test('the page contains every code with which corpus files are rejected', { meta: { id: 'rejection-codes-documented' } }, () => {
  const codes = new Set(manifest.map(({ expect }) => expect).filter((code) => code !== 'completed'))
  expect([...codes].filter((code) => !page.includes(`\`${code}\``))).toEqual([])
})
