import type { AssetType, Facts } from '@airlock/domain'
import { EntitySchema } from 'typeorm'
import { byteCount, moment, momentOfInsert } from './columns.ts'

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

export const Asset = new EntitySchema<AssetRecord>({
  name: 'Asset',
  tableName: 'assets',
  columns: {
    id: { type: 'uuid', primary: true, default: () => 'gen_random_uuid()' },
    userId: { name: 'user_id', type: 'uuid' },
    s3Key: { name: 's3_key', type: 'text' },
    filename: { name: 'original_filename', type: 'varchar', length: 255, nullable: true },
    sizeBytes: { ...byteCount, name: 'file_size' },
    mediaType: { name: 'mime_type', type: 'varchar', length: 100, nullable: true },
    assetType: { name: 'asset_type', type: 'varchar', length: 50, nullable: true },
    projectId: { name: 'project_id', type: 'uuid', nullable: true },
    brandId: { name: 'brand_id', type: 'uuid', nullable: true },
    uploadId: { name: 'upload_id', type: 'uuid', nullable: true },
    metadata: { type: 'jsonb', nullable: true },
    lastAccessedAt: { ...moment, name: 'last_accessed_at' },
    expiringAt: { ...moment, name: 'expiring_at' },
    createdAt: { ...momentOfInsert, name: 'created_at' },
    updatedAt: { ...momentOfInsert, name: 'updated_at' },
  },
})
