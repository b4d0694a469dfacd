import type { Refusal } from './airlock-error.ts'
import type { MediaType } from './media-types.ts'

/** What inspection found out about a file, for `assets.metadata`: plain values, no personal data. */
export type Facts = Readonly<Record<string, string | number | boolean | null>>

/** The content is of the claimed type and valid. */
export interface Accepted {
  readonly ok: true
  readonly mediaType: MediaType
  readonly facts: Facts
}

/** The content is not acceptable; this is final. */
export interface Rejected {
  readonly ok: false
  readonly refusal: Refusal
}

export type Verdict = Accepted | Rejected
