import { expect, test } from 'vitest'
import { isAiGenerated, type Provenance, readProvenance } from '../../src/index.ts'

const declared = { generator: 'ComfyUI', digital_source_type: null, ai_generated: true }
const signed: Provenance = {
  present: true,
  state: 'trusted',
  content: 'bound',
  generator: 'Example Maker',
  digital_source_type: 'digitalCapture',
  ai_generated: false,
  signer: 'Example Studio',
  signed_at: null,
}

test.each([signed, { ...signed, declared }, { present: false }, { present: false, declared }])(
  'what inspection has stored is read unchanged: %o',
  (provenance) => {
    expect(readProvenance(JSON.parse(JSON.stringify(provenance)))).toEqual(provenance)
  },
)

test.each([
  undefined,
  null,
  'valid',
  [],
  {},
  { present: 'yes' },
  { present: true },
  { ...signed, state: 'of a later release' },
  { ...signed, content: 7 },
])('%o is not provenance', (stored) => {
  expect(readProvenance(stored)).toBeNull()
})

test('fields with other types are unknown, and additional fields are left out', () => {
  const stored = { ...signed, generator: { name: 'x' }, ai_generated: 'true', signed_at: 7, signer: ['x'], declared: 'AI', more: 1 }
  expect(readProvenance(stored)).toEqual({ ...signed, generator: null, ai_generated: null, signer: null })
})

test.each([
  ['what its credentials state', { ...signed, declared }, false],
  ['what is declared, where its credentials do not say', { ...signed, ai_generated: null, declared }, true],
  ['what is declared, without credentials', { present: false as const, declared }, true],
  ['nothing', { present: false as const }, null],
])('a file states about AI %s', (_, provenance, expected) => {
  expect(isAiGenerated(provenance)).toBe(expected)
})
