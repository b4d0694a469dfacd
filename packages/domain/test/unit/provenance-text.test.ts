import { expect, test } from 'vitest'
import { type Credentials, provenanceText } from '../../src/index.ts'

const signed: Credentials = {
  present: true,
  state: 'valid',
  content: 'bound',
  generator: 'Example Maker 2.1',
  digital_source_type: 'trainedAlgorithmicMedia',
  ai_generated: true,
  signer: 'Airlock test',
  signed_at: null,
}

test.each([
  [signed, 'AI-generated: yes (valid, signed by Airlock test) · Example Maker 2.1'],
  [{ ...signed, state: 'trusted' as const, ai_generated: false }, 'AI-generated: no (trusted, signed by Airlock test) · Example Maker 2.1'],
  [{ ...signed, ai_generated: null, generator: null }, 'AI-generated: not stated (valid, signed by Airlock test)'],
  [{ ...signed, content: 'not_checked' as const, signer: null, generator: null }, 'AI-generated: yes (valid, content not checked, signed)'],
  [
    { ...signed, content: 'unbound' as const, generator: null },
    'AI-generated: yes (valid, not for all of its bytes, signed by Airlock test)',
  ],
  [{ ...signed, state: 'invalid' as const, content: 'unbound' as const }, 'Content credentials do not match this file'],
  [{ ...signed, state: 'unreadable' as const }, 'Content credentials cannot be read'],
  [
    { present: false as const, declared: { generator: 'ComfyUI', digital_source_type: null, ai_generated: true } },
    'AI-generated: yes (declared without a signature) · ComfyUI',
  ],
  [{ present: false as const }, null],
])('a person is told about %o', (provenance, expected) => {
  expect(provenanceText(provenance)).toBe(expected)
})
