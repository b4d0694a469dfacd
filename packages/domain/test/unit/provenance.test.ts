import { judgeProvenance, type Provenance, type ProvenancePolicy } from '@airlock/domain'
import { describe, expect, test } from 'vitest'

const credentials = {
  present: true,
  state: 'trusted',
  content: 'bound',
  generator: 'Example Studio',
  digital_source_type: 'trainedAlgorithmicMedia',
  ai_generated: true,
  signer: 'Example Ltd',
  signed_at: null,
} as const

const cases: Readonly<Record<string, readonly [Provenance, require: string | null, strict: string | null]>> = {
  'no credentials': [{ present: false }, 'provenance_missing', 'provenance_missing'],
  'only an unsigned declaration': [
    { present: false, declared: { generator: 'ComfyUI', digital_source_type: null, ai_generated: true } },
    'provenance_missing',
    'provenance_missing',
  ],
  'unreadable ones': [{ ...credentials, state: 'unreadable', content: 'not_checked' }, 'provenance_missing', 'provenance_missing'],
  'invalid ones': [{ ...credentials, state: 'invalid', content: 'unbound' }, null, 'provenance_invalid'],
  'trusted ones that leave bytes out': [{ ...credentials, content: 'unbound' }, null, 'provenance_invalid'],
  'trusted ones whose binding was not checked': [{ ...credentials, content: 'not_checked' }, null, 'provenance_invalid'],
  'valid ones of an unknown signer': [{ ...credentials, state: 'valid' }, null, 'provenance_untrusted'],
  'trusted ones': [credentials, null, null],
}

describe.each(Object.entries(cases))('a file with %s', (_, [provenance, require, strict]) => {
  const code = (policy: ProvenancePolicy) => judgeProvenance('film.mp4', provenance, policy)?.code ?? null

  test('is judged by the policy', () => {
    expect({ report: code('report'), require: code('require'), strict: code('strict') }).toEqual({ report: null, require, strict })
  })
})

test('the detail names the file and what is wrong, and the signer without control characters', () => {
  const detail = (provenance: Provenance) => judgeProvenance('film.mp4', provenance, 'strict')?.detail
  expect(detail({ present: false })).toBe("File 'film.mp4' must have content credentials (C2PA): it has none.")
  expect(detail({ ...credentials, content: 'unbound' })).toBe(
    "The content credentials (C2PA) of file 'film.mp4' are not valid: they do not cover all of its bytes.",
  )
  expect(detail({ ...credentials, state: 'valid', signer: 'Ev\u202eil\n' })).toBe(
    "The content credentials (C2PA) of file 'film.mp4' are valid, but their signer, 'Ev\ufffdil\ufffd', is not one that this service trusts.",
  )
  expect(detail({ ...credentials, state: 'valid', signer: null })).toContain('but their signer is not one')
})
