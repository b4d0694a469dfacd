import {
  type AssetType,
  type ByteSource,
  defaultSizeLimits,
  GiB,
  type MediaType,
  MiB,
  type ProvenancePolicyOfKind,
  type SizeLimits,
  type Verdict,
} from '@airlock/domain'

/** What inspection needs to know about an upload. */
export interface InspectedUpload {
  readonly filename: string
  /** The type that the gateway detected, or the one of its extension. Inspection verifies it. */
  readonly mediaType: MediaType
  readonly assetType: AssetType
}

/** Reads a file whose head and size have been checked. Throws `InvalidFile`, or returns a verdict. */
export type Inspector = (source: ByteSource, upload: InspectedUpload, limits: InspectionLimits, onProgress: () => void) => Promise<Verdict>

/** Limits of one inspection. */
export interface InspectionLimits {
  /** Bytes of a file, by kind. A picture is in memory as a whole. */
  readonly maxBytes: SizeLimits
  /** Pixels of all frames of a picture together, according to its header; checked before anything is decoded. */
  readonly maxPixels: number
  /** Frames of an animated picture. */
  readonly maxFrames: number
  /** Wall-clock seconds to decode a picture. Exceeding them is an error and not a verdict, because the machine may be under load. */
  readonly maxDecodeSeconds: number
  /** Boxes of a video, on all levels together. A fragmented video of 500 MiB has a few thousand. */
  readonly maxBoxes: number
  /** Entries of an archive. */
  readonly maxEntries: number
  /** Bytes of one picture in an archive. It is in memory as a whole. */
  readonly maxEntryBytes: number
  /** Bytes of all entries together, unpacked. */
  readonly maxUnpackedBytes: number
  /** The maximum ratio of unpacked to packed size, of an archive and of its large entries. Pictures are already compressed. */
  readonly maxUnpackRatio: number
  readonly provenance: ProvenanceLimits
}

/** What the operator demands of content credentials (C2PA). */
interface ProvenanceLimits {
  /** Certificates of trusted roots or signers, as PEM; null if nobody is trusted. */
  readonly trustPem: string | null
  /** By kind; a kind that is not listed is only reported. */
  readonly policy: ProvenancePolicyOfKind
}

export const defaultLimits: InspectionLimits = {
  maxBytes: defaultSizeLimits,
  maxPixels: 100_000_000,
  maxFrames: 1000,
  maxDecodeSeconds: 120,
  maxBoxes: 20_000,
  maxEntries: 10_000,
  maxEntryBytes: 64 * MiB,
  maxUnpackedBytes: 4 * GiB,
  maxUnpackRatio: 100,
  provenance: { trustPem: null, policy: {} },
}
