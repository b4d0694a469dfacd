/**
 * Why inspection came to no verdict. The first three may be the file's own fault; everything else is the machine's: a limit of wall time, a kill
 * that the parent did not send, a mistake of ours.
 */
export type InspectionFault =
  | { readonly kind: 'cpu_time'; readonly limitSeconds: number }
  | { readonly kind: 'memory'; readonly limitMiB: number }
  | { readonly kind: 'crash' }
  | { readonly kind: 'machine' }

export interface InspectionFailedOptions {
  readonly fault?: InspectionFault
  /** Whether no other inspection that could have been in its way ran in the same pool. */
  readonly alone?: boolean
}

/**
 * Inspection came to no verdict: the process that read the file crashed, or took more time or memory than it may have.
 *
 * One such failure says nothing final about the file, for the machine may just have been loaded. Only the last attempt, which runs alone, can
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

/** The one place where last attempts run is taken. Nothing was read: the upload can come again in a moment, and this counts as no attempt. */
export class InspectorBusy extends Error {
  override name = 'InspectorBusy'
}
