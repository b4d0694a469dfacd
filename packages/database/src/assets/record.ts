import type { AssetType, Facts } from '@airlock/domain'

/** The data of an asset that has no column of its own. */
export interface AssetMetadata {
  /** SHA-256 of the bytes, 64 hex digits. */
  readonly content_hash?: string
  /** The door by which it came in. */
  readonly source?: string
  /** What inspection found out: width, duration … */
  readonly facts?: Facts
  /** The caller's own metadata. */
  readonly client?: Readonly<Record<string, unknown>>
}

/**
 * A promoted file. Rows of Airlock have an upload id, and then filename, size, media type and kind as well: a database check requires it.
 * Only rows of other programs in the table have nulls.
 */
export interface AssetRecord {
  readonly id: string
  readonly userId: string
  /** The object's key in the bucket. */
  readonly s3Key: string
  readonly filename: string | null
  readonly sizeBytes: number | null
  readonly mediaType: string | null
  readonly assetType: AssetType | null
  readonly projectId: string | null
  readonly brandId: string | null
  readonly uploadId: string | null
  readonly metadata: AssetMetadata | null
  readonly lastAccessedAt: Date | null
  readonly expiringAt: Date | null
  readonly createdAt: Date
  readonly updatedAt: Date
}
