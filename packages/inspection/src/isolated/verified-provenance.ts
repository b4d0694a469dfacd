import { contentBindings, type DeclaredOrigin, type Provenance, provenanceStates } from '@airlock/domain'

/** The maximum of each text, which inspection has cut. */
const maxTextCharacters = 200
const unprintable = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u

/**
 * Verifies provenance from an inspector process, which a file may have taken over.
 *
 * @returns a copy of the known fields; null if one of them is missing or malformed
 */
export function verifiedProvenance(value: unknown): Provenance | null {
  if (!isObject(value)) return null
  const declared = value.declared === undefined ? undefined : verifiedOrigin(value.declared)
  if (declared === null) return null
  const addition = declared === undefined ? {} : { declared }
  if (value.present === false) return { present: false, ...addition }
  const origin = verifiedOrigin(value)
  const state = provenanceStates.find((known) => known === value.state)
  const content = contentBindings.find((known) => known === value.content)
  const { signer, signed_at } = value
  if (value.present !== true || !origin || !state || !content || !isTextOrNull(signer) || !isTimeOrNull(signed_at)) return null
  return { present: true, state, content, ...origin, signer, signed_at, ...addition }
}

function verifiedOrigin(value: unknown): DeclaredOrigin | null {
  if (!isObject(value)) return null
  const { generator, digital_source_type, ai_generated } = value
  const isBooleanOrNull = ai_generated === null || typeof ai_generated === 'boolean'
  if (!isTextOrNull(generator) || !isTextOrNull(digital_source_type) || !isBooleanOrNull) return null
  return { generator, digital_source_type, ai_generated }
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
const isTextOrNull = (value: unknown): value is string | null =>
  value === null || (typeof value === 'string' && value.length <= maxTextCharacters && !unprintable.test(value))
const isTimeOrNull = (value: unknown): value is string | null =>
  value === null || (typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value))
