import { type Refusal, refusal } from './airlock-error.ts'
import type { AssetType } from './asset-kinds.ts'

/**
 * What the signature of content credentials (C2PA) proves. `trusted`: it is valid, and its certificate leads to a root that the operator trusts.
 * `valid`: it is valid, by whoever holds its certificate. `invalid`: it does not hold for these bytes, or for its own statement. `unreadable`:
 * there is something in the place of credentials that cannot be parsed.
 */
export const provenanceStates = ['trusted', 'valid', 'invalid', 'unreadable'] as const
export type ProvenanceState = (typeof provenanceStates)[number]

/** Whether the credentials state the hash of these very bytes. `not_checked`: it was not computed, and nothing contradicts it. */
export const contentBindings = ['bound', 'unbound', 'not_checked'] as const
export type ContentBinding = (typeof contentBindings)[number]

/** What a file says about itself without a signature: anyone can write or remove it. */
export interface DeclaredOrigin {
  /** The program that says it made the file, at most 200 characters. */
  readonly generator: string | null
  /** The last part of an IPTC address, such as `trainedAlgorithmicMedia`. */
  readonly digital_source_type: string | null
  /** null: the file does not say. */
  readonly ai_generated: boolean | null
}

/** Content credentials of a file, from inspection. All texts are at most 200 characters, without control characters. */
export interface Credentials extends DeclaredOrigin {
  readonly present: true
  readonly state: ProvenanceState
  readonly content: ContentBinding
  /** Whom the certificate names: its organisation, else its common name. */
  readonly signer: string | null
  /** RFC 3339, from a timestamp that verifies; null without one. */
  readonly signed_at: string | null
  readonly declared?: DeclaredOrigin
}

export type Provenance = { readonly present: false; readonly declared?: DeclaredOrigin } | Credentials

/** What an operator demands of a kind. `require`: credentials are present. `strict`: they are also `trusted`. */
export const provenancePolicies = ['report', 'require', 'strict'] as const
export type ProvenancePolicy = (typeof provenancePolicies)[number]

/** By kind; training sets are not checked. */
export type ProvenancePolicyOfKind = Readonly<Partial<Record<AssetType, ProvenancePolicy>>>

/** The states by which assets are listed; `none`: inspected, without credentials. */
export const listedProvenances = [...provenanceStates, 'none'] as const
export type ListedProvenance = (typeof listedProvenances)[number]

const missing = (filename: string, reason: string) => refusal('provenance_missing', { filename, reason })
const invalid = (filename: string, reason: string) => refusal('provenance_invalid', { filename, reason })

const unboundReasons: Readonly<Record<Exclude<ContentBinding, 'bound'>, string>> = {
  unbound: 'they do not cover all of its bytes',
  not_checked: "it can't be checked whether they cover all of its bytes",
}

/**
 * Applies a policy to the provenance of a file.
 *
 * Unreadable credentials count as missing: anyone can put random bytes in their place. `strict` demands that credentials are trusted, and that
 * they cover the file, so it also refuses a binding that was not checked.
 *
 * @returns null if the policy accepts it
 */
export function judgeProvenance(filename: string, provenance: Provenance, policy: ProvenancePolicy): Refusal | null {
  if (policy === 'report') return null
  if (!provenance.present) return missing(filename, 'it has none')
  if (provenance.state === 'unreadable') return missing(filename, "what is in their place can't be read")
  if (policy === 'require') return null
  const { state, content, signer } = provenance
  if (state === 'invalid') return invalid(filename, 'they do not match the file, or their own signature or certificate')
  if (content !== 'bound') return invalid(filename, unboundReasons[content])
  return state === 'trusted' ? null : refusal('provenance_untrusted', { filename, signer })
}
