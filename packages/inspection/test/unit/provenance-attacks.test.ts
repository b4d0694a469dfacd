import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { defaultLimits } from '@airlock/inspection/full'
import { describe, expect, test } from 'vitest'
import { type ActiveManifest, activeManifestOf } from '../../src/full/provenance/answer.ts'
import { pictureBinding } from '../../src/full/provenance/data-hash.ts'
import { inspected } from '../sources.ts'

const folder = new URL('../attacks/', import.meta.url)
const pemOf = (name: string) => readFileSync(new URL(name, folder), 'utf8')

async function verdictOn(file: string, trustPem = pemOf('root.pem')) {
  const limits = { ...defaultLimits, provenance: { trustPem, policy: {} } }
  const verdict = await inspected(readFileSync(new URL(file, folder)), file, limits)
  if (!verdict.ok || !verdict.facts.provenance?.present) return verdict
  const { state, content } = verdict.facts.provenance
  return `${state}, ${content}`
}

test.for([
  ['honest.jpg', 'trusted, bound'],
  ['one-byte-more.jpg', 'invalid, unbound'],
  ['pixels-left-out.jpg', 'invalid, unbound'],
  ['honest.mp4', 'trusted, bound'],
  ['updated.jpg', 'trusted, not_checked'],
  ['updated.mp4', 'trusted, not_checked'],
  // the library alone calls these three trusted, and their hash a match
  ['media-left-out.mp4', 'trusted, unbound'],
  ['movie-left-out.mp4', 'trusted, unbound'],
  ['unknown-path.mp4', 'trusted, not_checked'],
] as const)('signed files whose hash may leave out more than it may, %s: %s', async ([file, expected], { expect }) => {
  expect(await verdictOn(file)).toBe(expected)
})

test('a certificate in the list is trusted as a root, and as a signer, but no other one', async () => {
  expect(await verdictOn('honest.jpg', pemOf('signer.pem'))).toBe('trusted, bound')
  expect(await verdictOn('honest.mp4', pemOf('signer.pem'))).toBe('trusted, bound')
  const another = readFileSync(new URL('../../corpus/originals/credentials/root.pem', import.meta.url), 'utf8')
  expect(await verdictOn('honest.jpg', another)).toBe('valid, bound')
})

test('credentials with two manifests of the active label are unreadable: one of them could have been validated, and the other one listed', () => {
  const validation = { validation_results: { activeManifest: { success: [] } } }
  const answer = (...labels: string[]) => ({ activeLabel: 'a', manifests: { manifests: labels.map((label) => ({ label })) }, validation })
  expect(activeManifestOf(answer('a', 'b'))).toMatchObject({ label: 'a', manifest: { label: 'a' } })
  expect(activeManifestOf(answer('a', 'b', 'a'))).toBeNull()
  expect(activeManifestOf(answer('b'))).toBeNull()
})

describe('although the library calls the hash of a picture a match,', () => {
  const label = 'urn:c2pa:1'
  const address = `self#jumbf=/c2pa/${label}/c2pa.assertions/c2pa.hash.data`
  const bytes = Buffer.from('head[credentials]pixels')
  const found = { ranges: [{ start: 4, end: 17 }], stores: 1 }
  const hashOf = (text: string) => createHash('sha256').update(text).digest('base64')
  const manifest = (exclusions: unknown, covered: string, more: object = {}): ActiveManifest => ({
    label,
    manifest: {
      isUpdateManifest: false,
      assertions: { 'c2pa.hash.data': { alg: 'sha256', exclusions, hash: `b64'${hashOf(covered)}'` }, ...more },
    },
    manifests: [],
    success: [
      { code: 'assertion.hashedURI.match', url: address },
      { code: 'assertion.dataHash.match', url: address },
    ],
    failure: [],
  })
  const own = { start: 4, length: 13 }

  const overlapping = [
    { start: 4, length: 6 },
    { start: 8, length: 9 },
  ]

  test.each([
    ['nothing but the credentials is left out', 'bound', [own], 'headpixels', 1],
    ['the ranges overlap, inside of the credentials', 'bound', overlapping, 'headpixels', 1],
    ['pixels are left out', 'unbound', [{ start: 4, length: 19 }], 'head', 1],
    ['a second range is outside of the credentials', 'unbound', [own, { start: 0, length: 4 }], 'pixels', 1],
    ['a range ends beyond the file', 'unbound', [{ start: 4, length: 99 }], 'head', 1],
    ['the hash is another one', 'unbound', [own], 'headpixel', 1],
    ['there is a second manifest store', 'unbound', [own], 'headpixels', 2],
  ] as const)('if %s, it is %s', (_, content, exclusions, covered, stores) => {
    expect(pictureBinding(bytes, manifest(exclusions, covered), { ...found, stores })).toBe(content)
  })

  test.each([
    ['two hashes', manifest([own], 'headpixels', { 'c2pa.hash.boxes': {} })],
    ['an unknown algorithm', { ...manifest([own], 'headpixels'), manifest: { assertions: { 'c2pa.hash.data': { alg: 'md5' } } } }],
    ['a negative start', manifest([{ start: -1, length: 13 }], 'headpixels')],
    ['a length that is not a whole number', manifest([{ start: 4, length: 1e300 }], 'headpixels')],
    ['a claim that does not contain the hash', { ...manifest([own], 'headpixels'), success: [] }],
  ])('it is not checked with %s', (_, active) => {
    expect(pictureBinding(bytes, active, found)).toBe('not_checked')
  })
})
