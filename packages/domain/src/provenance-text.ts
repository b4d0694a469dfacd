import type { Provenance } from './provenance.ts'

/**
 * What a person is told about the provenance of a file, in one line: `AI-generated: yes (valid, signed by Airlock test) · Example Maker 2.1`. Texts of the
 * file are at its end, and may be as long as inspection permits.
 *
 * @returns null if there is nothing to tell: no credentials, and no declarations
 */
export function provenanceText(provenance: Provenance): string | null {
  if (provenance.present) {
    const { state, content, ai_generated, signer, generator } = provenance
    if (state === 'invalid') return 'Content credentials do not match this file'
    if (state === 'unreadable') return 'Content credentials cannot be read'
    const proof = [state, ...coverage[content], signer === null ? 'signed' : `signed by ${signer}`]
    return lineOf(ai_generated, proof.join(', '), generator)
  }
  const { declared } = provenance
  if (declared === undefined) return null
  return lineOf(declared.ai_generated, 'declared without a signature', declared.generator)
}

const coverage = { bound: [], unbound: ['not for all of its bytes'], not_checked: ['content not checked'] } as const

const answers = { true: 'yes', false: 'no', null: 'not stated' } as const

const lineOf = (isAi: boolean | null, proof: string, generator: string | null): string =>
  `AI-generated: ${answers[`${isAi}`]} (${proof})${generator === null ? '' : ` · ${generator}`}`
