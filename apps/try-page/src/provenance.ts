import type { Provenance } from '@airlock/client'

/** What a person sees of the provenance of a file: names and values, in the order of their importance. */
export interface ProvenanceTexts {
  /** Whether the statement must not be believed. */
  readonly isBad: boolean
  readonly facts: readonly (readonly [name: string, text: string])[]
}

const answer = (isAi: boolean | null | undefined): string => (isAi == null ? 'not stated' : isAi ? 'yes' : 'no')

const coverage = { bound: [], unbound: ['not for all of its bytes'], not_checked: ['content not checked'] } as const

/** Nothing for files that state nothing about themselves. */
export function provenanceTexts(provenance: Provenance | null | undefined): ProvenanceTexts {
  const { present = false, state, content, signer, declared } = provenance ?? {}
  if (present && state === 'invalid') return { isBad: true, facts: [['Content credentials', 'do not match this file']] }
  if (present && state === 'unreadable') return { isBad: true, facts: [['Content credentials', 'cannot be read']] }
  const origin = present ? provenance : declared
  if (origin === undefined || origin === null) return { isBad: false, facts: [] }
  const proof = [state, ...(content === undefined ? [] : coverage[content]), signer == null ? 'signed' : `signed by ${signer}`]
  const how = present ? proof.join(', ') : 'declared without a signature'
  const generator = origin.generator == null ? [] : ([['Made with', origin.generator]] as const)
  return { isBad: false, facts: [['AI-generated', `${answer(origin.ai_generated)} (${how})`], ...generator] }
}
