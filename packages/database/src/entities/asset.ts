import { EntitySchema } from 'typeorm'
import type { AssetRecord } from '../assets/record.ts'
import { byteCount, moment, momentOfInsert } from './columns.ts'

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
