import type { AssetType, ByteSource, MediaType, Verdict } from '@airlock/domain'

/** What inspection must be told of an upload. */
export interface InspectedUpload {
  readonly filename: string
  /** What the gateway took the file for, or what its extension stands for. Inspection proves it, and never trusts it. */
  readonly mediaType: MediaType
  readonly assetType: AssetType
}

/** A verdict, and the version of the rules that gave it, so that assets can be found which older rules let in. */
export type Inspection = Verdict & { readonly inspectionVersion: number }

/**
 * Bytes in, verdict out: `inspect` of `@airlock/inspection/full`, in the form in which apps hand it down to those who must not load a decoder.
 *
 * Rejected means that the bytes are bad, and that looking again would not help. Whatever the source throws comes through as it is.
 */
export type Inspect = (source: ByteSource, upload: InspectedUpload) => Promise<Inspection>
