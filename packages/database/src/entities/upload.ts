import type { UploadState } from '@airlock/domain'
import { EntitySchema } from 'typeorm'
import type { Door, StoredMetadata, UploadPriority } from '../uploads/record.ts'
import { byteCount, exactNumber, moment, momentOfInsert } from './columns.ts'

/** The row of an upload. Outside this package it is an `UploadRecord`. */
export interface UploadRow {
  readonly id: string
  readonly userId: string
  readonly state: UploadState
  readonly door: Door
  readonly assetType: string | null
  readonly projectId: string | null
  readonly brandId: string | null
  readonly filename: string
  readonly declaredType: string
  readonly detectedType: string | null
  readonly quarantineKey: string
  readonly finalKey: string | null
  readonly sizeBytes: number | null
  readonly contentHash: string | null
  readonly etag: string | null
  readonly nonce: string
  readonly attempt: number
  readonly leaseUntil: Date | null
  readonly errorCode: string | null
  readonly errorTitle: string | null
  readonly errorDetail: string | null
  readonly lastFault: string | null
  readonly requestId: string | null
  readonly counted: boolean
  readonly createdAt: Date
  readonly receivedAt: Date | null
  readonly processingAt: Date | null
  readonly completedAt: Date | null
  readonly rejectedAt: Date | null
  readonly abandonedAt: Date | null
  readonly parkedAt: Date | null
  readonly updatedAt: Date
  readonly clientMetadata: StoredMetadata | null
  readonly actedBy: string | null
  readonly version: number
  readonly failingSince: Date | null
  readonly nextAttemptAt: Date | null
  readonly expectedHash: string | null
  readonly priority: UploadPriority | null
  readonly sourceBucket: string | null
  readonly sourceKey: string | null
  readonly handedBack: number
  readonly failedInspections: number
}

export const Upload = new EntitySchema<UploadRow>({
  name: 'Upload',
  tableName: 'uploads',
  columns: {
    id: { type: 'uuid', primary: true },
    userId: { name: 'user_id', type: 'uuid' },
    state: { type: 'text' },
    door: { type: 'text' },
    assetType: { name: 'asset_type', type: 'varchar', length: 50, nullable: true },
    projectId: { name: 'project_id', type: 'uuid', nullable: true },
    brandId: { name: 'brand_id', type: 'uuid', nullable: true },
    filename: { name: 'original_filename', type: 'varchar', length: 255 },
    declaredType: { name: 'declared_type', type: 'varchar', length: 255 },
    detectedType: { name: 'detected_type', type: 'varchar', length: 100, nullable: true },
    quarantineKey: { name: 'quarantine_key', type: 'text' },
    finalKey: { name: 'final_key', type: 'text', nullable: true },
    sizeBytes: { ...byteCount, name: 'size_bytes' },
    contentHash: { name: 'content_hash', type: 'text', nullable: true },
    etag: { type: 'text', nullable: true },
    nonce: { type: 'text' },
    attempt: { type: 'integer', default: 0 },
    leaseUntil: { ...moment, name: 'lease_until' },
    errorCode: { name: 'error_code', type: 'text', nullable: true },
    errorTitle: { name: 'error_title', type: 'text', nullable: true },
    errorDetail: { name: 'error_detail', type: 'text', nullable: true },
    lastFault: { name: 'last_fault', type: 'text', nullable: true },
    requestId: { name: 'request_id', type: 'text', nullable: true },
    counted: { type: 'boolean', default: true },
    createdAt: { ...momentOfInsert, name: 'created_at' },
    receivedAt: { ...moment, name: 'received_at' },
    processingAt: { ...moment, name: 'processing_at' },
    completedAt: { ...moment, name: 'completed_at' },
    rejectedAt: { ...moment, name: 'rejected_at' },
    abandonedAt: { ...moment, name: 'abandoned_at' },
    parkedAt: { ...moment, name: 'parked_at' },
    updatedAt: { ...momentOfInsert, name: 'updated_at' },
    clientMetadata: { name: 'client_metadata', type: 'jsonb', nullable: true },
    actedBy: { name: 'acted_by', type: 'uuid', nullable: true },
    version: { type: 'bigint', default: 0, transformer: { from: exactNumber, to: (value: number) => value } },
    failingSince: { ...moment, name: 'failing_since' },
    nextAttemptAt: { ...moment, name: 'next_attempt_at' },
    expectedHash: { name: 'expected_hash', type: 'text', nullable: true },
    priority: { type: 'text', nullable: true },
    sourceBucket: { name: 'source_bucket', type: 'text', nullable: true },
    sourceKey: { name: 'source_key', type: 'text', nullable: true },
    handedBack: { name: 'handed_back', type: 'integer', default: 0 },
    failedInspections: { name: 'failed_inspections', type: 'smallint', default: 0 },
  },
})
