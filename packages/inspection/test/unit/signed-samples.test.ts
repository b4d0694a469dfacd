import { readFileSync } from 'node:fs'
import { defaultLimits } from '@airlock/inspection/full'
import { expect, test } from 'vitest'
import { inspected, sample } from '../sources.ts'

const trustPem = readFileSync(new URL('../../../../examples/trust/sample-root.pem', import.meta.url), 'utf8')

async function provenanceOf(filename: string) {
  const verdict = await inspected(sample(`good/${filename}`), filename, { ...defaultLimits, provenance: { trustPem, policy: {} } })
  return verdict.ok ? verdict.facts.provenance : verdict.refusal.code
}

test('the signed sample is trusted with the root beside it, and states its generator and signer', async () => {
  expect(await provenanceOf('Lighthouse by AI.jpg')).toMatchObject({
    state: 'trusted',
    content: 'bound',
    generator: expect.stringMatching(/^Lumen Image/),
    digital_source_type: 'trainedAlgorithmicMedia',
    ai_generated: true,
    signer: 'Example Studio',
  })
})

test('the edited sample, with the credentials of the other picture, is invalid', async () => {
  expect(await provenanceOf('Lighthouse, edited.jpg')).toMatchObject({ state: 'invalid', content: 'unbound' })
})
