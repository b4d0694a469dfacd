import type { Refusal } from './airlock-error.ts'
import type { MediaType } from './media-types.ts'

/** What inspection learned about a file, for `assets.metadata`: plain values only, no personal data. */
export type Facts = Readonly<Record<string, string | number | boolean | null>>

/** The bytes are what they claim to be. */
export interface Accepted {
  readonly ok: true
  readonly mediaType: MediaType
  readonly facts: Facts
}

/** The bytes are not, and that is final. */
export interface Rejected {
  readonly ok: false
  readonly refusal: Refusal
}

export type Verdict = Accepted | Rejected
