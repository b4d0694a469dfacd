import type { Provenance } from '@airlock/client'
import { expect, test } from 'vitest'
import { provenanceTexts } from '../../src/provenance.ts'

const signed: Provenance = {
  present: true,
  state: 'valid',
  content: 'bound',
  generator: 'Example Maker 2.1',
  digital_source_type: 'trainedAlgorithmicMedia',
  ai_generated: true,
  signer: 'Airlock test',
  signed_at: null,
}
const declared = { generator: 'ComfyUI', digital_source_type: null, ai_generated: true }

test.each<[Provenance | null, string[]]>([
  [signed, ['AI-generated: yes (valid, signed by Airlock test)', 'Made with: Example Maker 2.1']],
  [{ ...signed, state: 'trusted', ai_generated: false, generator: null }, ['AI-generated: no (trusted, signed by Airlock test)']],
  [
    { ...signed, ai_generated: null, signer: null, content: 'not_checked', generator: null },
    ['AI-generated: not stated (valid, content not checked, signed)'],
  ],
  [{ ...signed, content: 'unbound', generator: null }, ['AI-generated: yes (valid, not for all of its bytes, signed by Airlock test)']],
  [{ present: false, declared }, ['AI-generated: yes (declared without a signature)', 'Made with: ComfyUI']],
  [{ present: false }, []],
  [null, []],
])('%o is shown as %o', (provenance, expected) => {
  const { isBad, facts } = provenanceTexts(provenance)
  expect(isBad).toBe(false)
  expect(facts.map((fact) => fact.join(': '))).toEqual(expected)
})

test.each([
  ['invalid', 'do not match this file'],
  ['unreadable', 'cannot be read'],
] as const)('%s credentials are shown as such, without their statement', (state, text) => {
  expect(provenanceTexts({ ...signed, state })).toEqual({ isBad: true, facts: [['Content credentials', text]] })
})
