import type { AssetType, ErrorCode, MediaType, UploadState } from '@airlock/domain'
import { EntitySchema } from 'typeorm'
import { byteCount, exactNumber, moment, momentOfInsert } from './columns.ts'

/** The door through which an upload came. */
export type Door = 'form' | 'pipeline' | 'direct'

/** The priority of a waiting video; only videos of the pipeline have one. */
export type UploadPriority = 'interactive' | 'batch'

/**
 * The caller's own data about a file, returned unchanged: at most 4 KiB of JSON, without NUL and lone surrogates, which Postgres can't store.
 */
export type StoredMetadata = Readonly<Record<string, unknown>>

/**
 * The row of an upload. All other views of it derive from this one. Values that are null before acceptance are null in `receiving` and
 * `abandoned` only. Its codes, kinds and media types come from the domain's tables.
 */
export interface UploadRow {
  readonly id: string
  readonly userId: string
  readonly state: UploadState
  readonly door: Door
  readonly assetType: AssetType | null
  readonly projectId: string | null
  readonly brandId: string | null
  readonly filename: string
  /** The type that the client declared; not trusted. */
  readonly declaredType: string
  /** The type that the first bytes show. */
  readonly detectedType: MediaType | null
  readonly quarantineKey: string
  /** Null until acceptance, then fixed. */
  readonly finalKey: string | null
  readonly sizeBytes: number | null
  /** SHA-256, 64 hex digits. For files that went straight to the bucket it is null until a worker has read them. */
  readonly contentHash: string | null
  /** The ETag of the quarantined object, to be compared only with ETags of the same store. */
  readonly etag: string | null
  /** Also in the object's metadata: identifies our object among others at the same key. */
  readonly nonce: string
  /** The number of claims so far; it fences all writes of a worker. */
  readonly attempt: number
  readonly leaseUntil: Date | null
  readonly errorCode: ErrorCode | null
  readonly errorTitle: string | null
  readonly errorDetail: string | null
  /** Why the last attempt failed, for operators only. */
  readonly lastFault: string | null
  readonly requestId: string | null
  /** Whether it counts against its owner's hourly limit. */
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
  /** The service that acted for the user, or null when the user acted. */
  readonly actedBy: string | null
  /** Increases with each move: records of one upload with the same version have the same state. */
  readonly version: number
  /** When the current series of failures began; null while there is none. */
  readonly failingSince: Date | null
  /** The time before which no attempt is due; null when one is due at any time. */
  readonly nextAttemptAt: Date | null
  /** The SHA-256 that the pipeline or the client of a direct upload declared. */
  readonly expectedHash: string | null
  readonly priority: UploadPriority | null
  readonly sourceBucket: string | null
  readonly sourceKey: string | null
  /** The number of attempts that ended because their worker stopped. */
  readonly handedBack: number
  /** The number of consecutive inspections without a verdict. */
  readonly failedInspections: number
  /** The trace with which it was accepted (W3C Trace Context); null without tracing. */
  readonly traceparent: string | null
  /** The SHA-256 of the capability of a direct upload, 64 hex digits. This and the following are null for all other doors. */
  readonly capabilityHash: string | null
  /** The store's id of the multipart upload; null before it exists, and for a file that is sent in one PUT. */
  readonly multipartId: string | null
  /** The size that the client declared. */
  readonly declaredBytes: number | null
  /** The size of each part but the last; null for a file that is sent in one PUT. */
  readonly partBytes: number | null
  /** When an upload that is still `receiving` is abandoned. */
  readonly expiresAt: Date | null
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
    traceparent: { type: 'varchar', length: 55, nullable: true },
    capabilityHash: { name: 'capability_hash', type: 'text', nullable: true },
    multipartId: { name: 'multipart_id', type: 'text', nullable: true },
    declaredBytes: { ...byteCount, name: 'declared_bytes' },
    partBytes: { ...byteCount, name: 'part_bytes' },
    expiresAt: { ...moment, name: 'expires_at' },
  },
})
