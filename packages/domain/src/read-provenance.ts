import { contentBindings, type DeclaredOrigin, type Provenance, provenanceStates } from './provenance.ts'

/**
 * Reads the provenance of an asset from its stored facts. Other programs write rows of that table as well, and a later release may know more states, so
 * the value may have any shape.
 *
 * @returns null if inspection has not stated it, or it cannot be read
 */
export function readProvenance(stored: unknown): Provenance | null {
  if (!isObject(stored)) return null
  const declared = isObject(stored.declared) ? { declared: originOf(stored.declared) } : {}
  if (stored.present === false) return { present: false, ...declared }
  const state = provenanceStates.find((known) => known === stored.state)
  const content = contentBindings.find((known) => known === stored.content)
  if (stored.present !== true || state === undefined || content === undefined) return null
  return {
    present: true,
    state,
    content,
    ...originOf(stored),
    signer: textOf(stored.signer),
    signed_at: textOf(stored.signed_at),
    ...declared,
  }
}

/**
 * What a file states about its making: its credentials where they state it, else its unsigned declarations. Lists of assets filter by the same rule.
 *
 * @returns null if the file does not say
 */
export const isAiGenerated = (provenance: Provenance): boolean | null =>
  (provenance.present ? provenance.ai_generated : null) ?? provenance.declared?.ai_generated ?? null

const originOf = (stored: Readonly<Record<string, unknown>>): DeclaredOrigin => ({
  generator: textOf(stored.generator),
  digital_source_type: textOf(stored.digital_source_type),
  ai_generated: typeof stored.ai_generated === 'boolean' ? stored.ai_generated : null,
})

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null)

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
