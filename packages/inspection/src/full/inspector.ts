import type { AssetType, ByteSource, MediaType, Verdict } from '@airlock/domain'
import type { InspectionLimits } from './limits.ts'

/** What inspection must be told of an upload. */
export interface InspectedUpload {
  readonly filename: string
  /** What the gateway took the file for, or what its extension stands for. Inspection proves it, and never trusts it. */
  readonly mediaType: MediaType
  readonly assetType: AssetType
}

/** Reads a file whose head and size are in order. Throws `Corrupt` for bad bytes, or returns a refusal of its own. */
export type Inspector = (source: ByteSource, upload: InspectedUpload, limits: InspectionLimits, onProgress: () => void) => Promise<Verdict>
