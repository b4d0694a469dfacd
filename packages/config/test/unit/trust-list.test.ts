import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { inspectionSettings, inspectionVariables, readConfig } from '../../src/index.ts'

const good = fileURLToPath(new URL('../certificates.pem', import.meta.url))
const text = readFileSync(good, 'utf8')
const folder = mkdtempSync(join(tmpdir(), 'airlock-trust-'))
afterAll(() => rmSync(folder, { recursive: true }))

function fileOf(content: string): string {
  const path = join(folder, 'list.pem')
  writeFileSync(path, content)
  return path
}

const provenanceOf = (env: Record<string, string>) => inspectionSettings(readConfig(env, inspectionVariables)).limits.provenance

test('nobody is trusted, and nothing is demanded, by default', () => {
  expect(provenanceOf({})).toEqual({ trustPem: null, policy: { brand_image: 'report', generated_video: 'report' } })
})

test('the certificates of the list are read, without the comments between them', () => {
  const { trustPem, policy } = provenanceOf({ C2PA_TRUST_FILE: good, PROVENANCE_POLICY_GENERATED_VIDEO: 'strict' })
  expect(trustPem?.match(/-----BEGIN CERTIFICATE-----/g)).toHaveLength(2)
  expect(trustPem).not.toContain('#')
  expect(policy).toEqual({ brand_image: 'report', generated_video: 'strict' })
})

test('line ends of Windows are accepted', () => {
  expect(provenanceOf({ C2PA_TRUST_FILE: fileOf(text.replaceAll('\n', '\r\n')) }).trustPem).toContain('BEGIN CERTIFICATE')
})

test.each([
  ['a missing file', () => join(folder, 'missing.pem'), "can't be read: ENOENT"],
  ['a folder', () => folder, ': a file'],
  ['a text', () => fileOf('certificates, soon'), 'at least one certificate'],
  ['an empty file', () => fileOf(''), 'at least one certificate'],
  ['a certificate that is cut', () => fileOf(text.slice(0, -60)), 'one has no end'],
  ['a broken certificate', () => fileOf(text.replace(/(# Second\n.*\n)..../, '$1AAAA')), "number 2 of them can't be parsed"],
  ['a private key', () => fileOf(`${text}-----BEGIN EC PRIVATE KEY-----\nMHc=\n-----END EC PRIVATE KEY-----\n`), 'contains a private key'],
  ['a large file', () => fileOf('#'.repeat(1024 * 1024 + 1)), 'at most 1048576 bytes'],
])('%s is reported at the start', (_, path, problem) => {
  expect(() => provenanceOf({ C2PA_TRUST_FILE: path() })).toThrow(problem)
})

test('strict without a list is a mistake', () => {
  expect(() => provenanceOf({ PROVENANCE_POLICY_BRAND_IMAGE: 'strict' })).toThrow(
    'PROVENANCE_POLICY_BRAND_IMAGE  is strict, but C2PA_TRUST_FILE is missing',
  )
  expect(provenanceOf({ PROVENANCE_POLICY_BRAND_IMAGE: 'require' }).policy.brand_image).toBe('require')
})
