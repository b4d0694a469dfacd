import { expect, test } from 'vitest'
import { verifiedInspection } from '../../src/isolated/messages.ts'

const credentials = {
  present: true,
  state: 'valid',
  content: 'bound',
  generator: 'Lumen Image 3.2',
  digital_source_type: 'trainedAlgorithmicMedia',
  ai_generated: true,
  signer: 'Example Studio',
  signed_at: '2026-12-03T14:18:01.000Z',
}
const declared = { generator: 'ComfyUI', digital_source_type: null, ai_generated: true }

const verified = (provenance: unknown) => {
  const facts = { width: 1, provenance, inspection_version: 5 }
  const inspection = verifiedInspection({ ok: true, mediaType: 'image/png', facts, inspectionVersion: 5 }, 'image/png')
  return inspection?.ok ? inspection.facts.provenance : null
}

test('provenance of an inspector process is copied, without fields that are unknown', () => {
  expect(verified(credentials)).toEqual(credentials)
  expect(verified({ ...credentials, declared: { ...declared, more: 1 }, more: 'text' })).toEqual({ ...credentials, declared })
  expect(verified({ present: false, state: 'trusted' })).toEqual({ present: false })
  expect(verified({ present: false, declared })).toEqual({ present: false, declared })
})

test.each([
  ['nothing', null],
  ['a text', 'trusted'],
  ['an unknown state', { ...credentials, state: 'certain' }],
  ['an unknown binding', { ...credentials, content: true }],
  ['a missing field', { ...credentials, signer: undefined }],
  ['a long text', { ...credentials, generator: 'x'.repeat(201) }],
  ['a control character', { ...credentials, signer: 'Ex\u001bample' }],
  ['a change of direction', { ...credentials, signer: 'Ex\u202eample' }],
  ['a time in words', { ...credentials, signed_at: 'yesterday' }],
  ['a number instead of yes or no', { ...credentials, ai_generated: 1 }],
  ['a malformed declaration', { ...credentials, declared: { ...declared, generator: 5 } }],
  ['a declaration of null', { present: false, declared: null }],
  ['neither yes nor no', { ...credentials, present: 1 }],
])('a verdict whose provenance is or has %s is refused', (_, provenance) => {
  expect(verified(provenance)).toBeNull()
})
