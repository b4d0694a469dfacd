import { defaultSizeLimits, GiB, MiB, type SizeLimits } from '@airlock/domain'

/** What one inspection may cost at most. What a file can ask for beyond these, it does not get. */
export interface InspectionLimits {
  /** Bytes of a file, by its kind. A picture is held in memory whole. */
  readonly maxBytes: SizeLimits
  /** Pixels of a picture, all frames together; read from its header before a pixel is decoded. */
  readonly maxPixels: number
  /** Frames of an animated picture. */
  readonly maxFrames: number
  /** Seconds that decoding a picture may take by the clock. Taking longer is not a verdict but an error: the machine may be loaded. */
  readonly maxDecodeSeconds: number
  /** Boxes of a video that are looked at, on all levels together. A fragmented video of 500 MiB has some thousands. */
  readonly maxBoxes: number
  /** Entries of an archive. */
  readonly maxEntries: number
  /** Bytes of one picture in an archive. It is held in memory whole. */
  readonly maxEntryBytes: number
  /** Bytes of all entries together, unpacked. */
  readonly maxUnpackedBytes: number
  /** How many times its own size an archive, or a large entry of it, may unpack to. Pictures are packed already. */
  readonly maxUnpackRatio: number
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
}
