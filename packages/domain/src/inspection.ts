import type { Refusal } from './airlock-error.ts'
import type { MediaType } from './media-types.ts'
import type { Provenance } from './provenance.ts'

export type Fact = string | number | boolean | null

/** What inspection found out about a file, for `assets.metadata`: plain values, no personal data. */
export interface Facts {
  readonly [name: string]: Fact | Provenance | undefined
  /** Absent in training sets, and in what older versions inspected. */
  readonly provenance?: Provenance
}

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

/**
 * Why inspection reached no verdict. The file may cause the first three; the machine causes the rest: the limit of wall time, a kill that the
 * parent did not send, a bug of ours.
 */
export type InspectionFault =
  | { readonly kind: 'cpu_time'; readonly limitSeconds: number }
  | { readonly kind: 'memory'; readonly limitMiB: number }
  | { readonly kind: 'crash' }
  | { readonly kind: 'machine' }

export interface InspectionFailedOptions {
  readonly fault?: InspectionFault
  /** Whether no other inspection ran in the same pool, which could have slowed it down. */
  readonly alone?: boolean
}

/**
 * Inspection reached no verdict: the process that read the file crashed, or exceeded its limit of time or memory.
 *
 * One such failure proves nothing about the file, because the machine may have been under load. Only the last attempt, which runs alone, can
 * blame the file.
 */
export class InspectionFailed extends Error {
  override name = 'InspectionFailed'
  readonly fault: InspectionFault
  readonly alone: boolean

  constructor(message: string, { fault = { kind: 'machine' }, alone = false }: InspectionFailedOptions = {}) {
    super(message)
    this.fault = fault
    this.alone = alone
  }
}

/** The single slot for last attempts is taken. Nothing was read: the upload can be retried in a moment, and this does not count as an attempt. */
export class InspectorBusy extends Error {
  override name = 'InspectorBusy'
}
