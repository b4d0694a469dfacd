// Written from the OpenAPI document: npm test -- tests/unit/client-types.test.ts -u

/** An asset */
export interface Asset {
  readonly asset_id: string
  /** s3://bucket/key */
  readonly s3_url: string
  readonly original_filename: string | null
  readonly size_bytes: number | null
  readonly mime_type: string | null
  readonly asset_type: string | null
  readonly project_id: string | null
  readonly brand_id: string | null
  readonly content_hash: string | null
  readonly metadata: Metadata | null
  readonly provenance: Provenance | null
  /** RFC 3339, UTC */
  readonly created_at: string
}

/** asset.deleted: the asset no longer exists: it was deleted, has expired, or its user was deleted */
export interface AssetDeleted {
  readonly type: 'asset.deleted'
  /** RFC 3339, UTC */
  readonly timestamp: string
  readonly data: AssetDeletedData
}

export interface AssetDeletedData {
  /** The same each time the event is read or delivered */
  readonly event_id: string
  readonly upload_id: string
  /** Numbers the events of the upload from 1, without gaps */
  readonly sequence: number
  readonly user_id: string
  readonly asset_type: AssetType
  readonly project_id: string | null
  readonly brand_id: string | null
  readonly filename: string
  readonly size_bytes: number
  readonly metadata: Metadata | null
  /** SHA-256 in hexadecimal */
  readonly content_hash: string
  readonly asset_id: string
  readonly s3_key: string
  readonly mime_type: string
  readonly expiring_at: string | null
}

/** asset.expiring: the asset is unused: it is deleted at `expiring_at`, unless it is used before then */
export interface AssetExpiring {
  readonly type: 'asset.expiring'
  /** RFC 3339, UTC */
  readonly timestamp: string
  readonly data: AssetExpiringData
}

export interface AssetExpiringData {
  /** The same each time the event is read or delivered */
  readonly event_id: string
  readonly upload_id: string
  /** Numbers the events of the upload from 1, without gaps */
  readonly sequence: number
  readonly user_id: string
  readonly asset_type: AssetType
  readonly project_id: string | null
  readonly brand_id: string | null
  readonly filename: string
  readonly size_bytes: number
  readonly metadata: Metadata | null
  /** SHA-256 in hexadecimal */
  readonly content_hash: string
  readonly asset_id: string
  readonly s3_key: string
  readonly mime_type: string
  /** When the asset is deleted unless it is used before */
  readonly expiring_at: string
}

/** A page of the caller's assets, newest first */
export interface AssetList {
  /** Newest first, without presigned URLs, which /api/assets/{id}/presigned returns */
  readonly assets: readonly Asset[]
  readonly next_cursor: string | null
}

/** The purpose of a file */
export type AssetType = 'brand_image' | 'generated_video' | 'lora_training'

/** A completed file. The last six fields are present if the client waited (Prefer: wait=N) */
export interface CompletedUpload {
  /** The file's index in the form, from 0 */
  readonly index: number
  readonly upload_id: string
  readonly job_id: string
  readonly status: JobStatus
  /** The path of its job */
  readonly status_url: string
  readonly filename: string
  readonly asset_type: AssetType
  readonly size_bytes: number
  /** Detected from the first bytes; the worker verifies it */
  readonly mime_type: string
  readonly content_hash: string | null
  /** RFC 3339, UTC */
  readonly created_at: string
  readonly asset_id?: string | null
  readonly s3_url?: string | null
  readonly presigned_url?: string | null
  readonly expiration_at?: string | null
  readonly error?: Reason | null
  readonly provenance?: Provenance | null
}

/** The completed upload, in the form of an UploadAnswer */
export interface CompletedUploads {
  /** The completed file */
  readonly uploads: readonly CompletedUpload[]
  /** Always empty */
  readonly rejected: readonly RefusedFile[]
}

/** Whether they contain the hash of these very bytes; not_checked: it was not computed, and nothing contradicts it */
export type ContentBinding = 'bound' | 'unbound' | 'not_checked'

/** What the file says about itself without a signature: anyone can write or remove it */
export interface DeclaredOrigin {
  readonly generator: string | null
  readonly digital_source_type: string | null
  readonly ai_generated: boolean | null
}

/** Stable, for use by programs. Later versions may add codes; for an unknown one use the status */
export type ErrorCode =
  | 'empty_file'
  | 'file_too_large'
  | 'extension_not_allowed'
  | 'type_not_allowed'
  | 'extension_mismatch'
  | 'type_mismatch'
  | 'filename_invalid'
  | 'filename_too_long'
  | 'file_corrupt'
  | 'too_many_pixels'
  | 'too_many_frames'
  | 'file_too_complex'
  | 'digest_mismatch'
  | 'digest_malformed'
  | 'trailing_data'
  | 'suspicious_content'
  | 'provenance_missing'
  | 'provenance_invalid'
  | 'provenance_untrusted'
  | 'archive_not_allowed'
  | 'archive_entry_rejected'
  | 'not_read'
  | 'not_multipart'
  | 'form_malformed'
  | 'form_too_large'
  | 'no_files'
  | 'too_many_files'
  | 'asset_type_missing'
  | 'asset_type_unknown'
  | 'asset_type_not_available'
  | 'field_missing'
  | 'field_malformed'
  | 'field_unknown'
  | 'field_repeated'
  | 'request_malformed'
  | 'query_unknown'
  | 'encoding_not_supported'
  | 'expectation_failed'
  | 'headers_too_large'
  | 'headers_too_slow'
  | 'request_timeout'
  | 'request_stalled'
  | 'request_too_slow'
  | 'idempotency_key_malformed'
  | 'idempotency_key_reused'
  | 'request_in_flight'
  | 'upload_incomplete'
  | 'upload_expired'
  | 'upload_closed'
  | 'size_mismatch'
  | 'inspection_pending'
  | 'part_number_invalid'
  | 'token_missing'
  | 'token_malformed'
  | 'token_invalid'
  | 'token_not_for_access'
  | 'token_expired'
  | 'capability_invalid'
  | 'scope_missing'
  | 'unknown_user'
  | 'route_not_found'
  | 'method_not_allowed'
  | 'id_malformed'
  | 'source_not_allowed'
  | 'source_not_found'
  | 'upload_id_taken'
  | 'upload_not_found'
  | 'job_not_found'
  | 'job_not_yours'
  | 'too_many_ids'
  | 'already_completed'
  | 'not_parked'
  | 'too_many_streams'
  | 'asset_not_found'
  | 'asset_not_yours'
  | 'asset_in_use'
  | 'cursor_malformed'
  | 'cursor_gone'
  | 'asset_repeated'
  | 'assets_not_found'
  | 'not_brand_images'
  | 'not_json'
  | 'files_refused'
  | 'file_limit_reached'
  | 'upload_share_exceeded'
  | 'parked_limit_reached'
  | 'open_uploads_limit_reached'
  | 'too_many_requests'
  | 'cancelled'
  | 'cancelled_by_operator'
  | 'object_changed'
  | 'upload_released'
  | 'upload_vanished'
  | 'processing_failed'
  | 'inspection_failed'
  | 'storage_unavailable'
  | 'database_unavailable'
  | 'auth_unavailable'
  | 'overloaded'
  | 'upload_interrupted'
  | 'shutting_down'
  | 'internal_error'

/** An event with the data of its type. New types may be added: ignore unknown ones */
export type Event = UploadCompleted | UploadRejected | UploadParked | AssetExpiring | AssetDeleted

/** A page of events, and the cursor of the next one */
export interface EventPage {
  /** Oldest first, in an order that never changes */
  readonly events: readonly Event[]
  /** The value of `after` for the next events. Store it after processing these */
  readonly next: string
}

/** The state of an upload */
export interface Job {
  readonly job_id: string
  readonly status: JobStatus
  /** The completed fraction of the steps */
  readonly progress: number
  /** How many attempts workers have started */
  readonly attempts: number
  readonly filename: string
  readonly asset_type: AssetType
  readonly size_bytes: number
  readonly asset_id: string | null
  readonly error: Reason | null
  readonly metadata: Metadata | null
  readonly provenance: Provenance | null
  /** RFC 3339, UTC */
  readonly created_at: string
  /** RFC 3339, UTC */
  readonly updated_at: string
  /** Its owner; only in responses to tokens with the scope ops */
  readonly user_id?: string
}

/** Jobs of the caller: those of `ids`, or a page of all */
export interface JobList {
  /** In the order of `ids`, or newest first */
  readonly jobs: readonly Job[]
  /** Those of `ids` that are not jobs of the caller */
  readonly unknown: readonly string[]
  readonly next_cursor: string | null
}

/** The state of an upload */
export type JobStatus = 'queued' | 'processing' | 'completed' | 'rejected' | 'failed'

/** The metadata of the upload: at most 4 KiB of JSON, returned unchanged */
export type Metadata = Readonly<Record<string, string | number | boolean>>

/** The result for each file; at least one may be sent */
export interface OpenAnswer {
  /** The files that may be sent, in the order of the request */
  readonly uploads: readonly OpenUpload[]
  /** The refused files, in the order of the request */
  readonly rejected: readonly RefusedFile[]
}

/** A file that may be sent straight to the object store; it has either put or multipart */
export interface OpenUpload {
  /** The file's index in the request, from 0 */
  readonly index: number
  readonly upload_id: string
  readonly job_id: string
  /** Permits sending, completing, following and aborting this upload, as Authorization: Bearer. Airlock stores only its hash */
  readonly capability: string
  /** The file is sent in one PUT */
  readonly put?: {
    /** Of the object store, for one PUT */
    readonly url: string
    /** Headers that the request must have, unchanged; Content-Length is that of the body */
    readonly headers: Readonly<Record<string, string>>
    /** RFC 3339, UTC */
    readonly expires_at: string
  }
  /** The file is sent in parts, whose URLs parts_url signs */
  readonly multipart?: {
    /** Of every part but the last */
    readonly part_size_bytes: number
    readonly part_count: number
  }
  readonly parts_url: string
  readonly complete_url: string
  readonly status_url: string
  /** When the upload is abandoned unless it was completed */
  readonly expires_at: string
}

/** An asset with a URL to read it until `expiration_at` */
export interface PresignedAsset {
  readonly asset_id: string
  /** s3://bucket/key */
  readonly s3_url: string
  readonly original_filename: string | null
  readonly size_bytes: number | null
  readonly mime_type: string | null
  readonly asset_type: string | null
  readonly project_id: string | null
  readonly brand_id: string | null
  readonly content_hash: string | null
  readonly metadata: Metadata | null
  readonly provenance: Provenance | null
  /** RFC 3339, UTC */
  readonly created_at: string
  /** Reads the file without a token */
  readonly presigned_url: string
  /** RFC 3339, UTC */
  readonly expiration_at: string
}

/** The body of every error */
export interface Problem {
  /** A short title */
  readonly error: string
  /** A sentence that names the file and the limit */
  readonly detail: string
  readonly code: ErrorCode
  /** Also in the header X-Request-Id and in Airlock's logs */
  readonly request_id: string
  /** For forms: each refused file and the reason */
  readonly rejected?: readonly RefusedFile[]
}

/** A picture of a brand, with a URL to read it */
export interface ProductImage {
  readonly asset_id: string
  readonly s3_key: string
  readonly s3_url: string
  readonly presigned_url: string
  /** RFC 3339, UTC */
  readonly expiration_at: string
  readonly original_filename: string | null
}

/** The pictures that the caller chose for a brand */
export interface ProductImages {
  readonly brand_id: string
  /** In the chosen order; empty if none were chosen */
  readonly product_images: readonly ProductImage[]
}

/** What the file states about how it was made, and whether that statement holds */
export interface Provenance {
  /** Whether the file has content credentials (C2PA); the next seven fields are present only then */
  readonly present: boolean
  readonly state?: ProvenanceState
  readonly content?: ContentBinding
  readonly generator?: string | null
  readonly digital_source_type?: string | null
  readonly ai_generated?: boolean | null
  readonly signer?: string | null
  readonly signed_at?: string | null
  readonly declared?: DeclaredOrigin
}

/** trusted: signed by a certificate of the trust list; valid: signed by some certificate; invalid: they do not match this file, or were changed; unreadable: they cannot be parsed */
export type ProvenanceState = 'trusted' | 'valid' | 'invalid' | 'unreadable'

/** The reason why a file did not become an asset */
export interface Reason {
  readonly code: ErrorCode
  readonly error: string
  readonly detail: string
}

/** A file of a form that was not accepted, and the reason */
export interface RefusedFile {
  /** The file's index in the form, from 0 */
  readonly index: number
  readonly filename: string | null
  readonly code: ErrorCode
  readonly error: string
  readonly detail: string
}

/** A URL for each requested part */
export interface SignedParts {
  readonly parts: readonly {
    readonly number: number
    /** The exact length of the body */
    readonly size_bytes: number
    /** Of the object store, for one PUT */
    readonly url: string
    /** Headers that the request must have, unchanged; Content-Length is that of the body */
    readonly headers: Readonly<Record<string, string>>
    /** RFC 3339, UTC */
    readonly expires_at: string
  }[]
}

/** The parts that the store has; all of them once the upload is complete */
export interface StoredParts {
  /** Of every part but the last */
  readonly part_size_bytes: number
  readonly part_count: number
  /** In the order of their numbers */
  readonly parts: readonly {
    readonly number: number
    readonly size_bytes: number
    readonly etag: string | null
  }[]
}

/** The data of the first event, `unknown`, if some of the ids are not jobs of the caller */
export interface UnknownJobs {
  /** Those of `ids` that are not jobs of the caller */
  readonly unknown: readonly string[]
}

/** An accepted file. The last six fields are present if the client waited (Prefer: wait=N) */
export interface Upload {
  /** The file's index in the form, from 0 */
  readonly index: number
  readonly upload_id: string
  readonly job_id: string
  readonly status: JobStatus
  /** The path of its job */
  readonly status_url: string
  readonly filename: string
  readonly asset_type: AssetType
  readonly size_bytes: number
  /** Detected from the first bytes; the worker verifies it */
  readonly mime_type: string
  /** SHA-256 in hexadecimal */
  readonly content_hash: string
  /** RFC 3339, UTC */
  readonly created_at: string
  readonly asset_id?: string | null
  readonly s3_url?: string | null
  readonly presigned_url?: string | null
  readonly expiration_at?: string | null
  readonly error?: Reason | null
  readonly provenance?: Provenance | null
}

/** The result for each file; at least one was accepted */
export interface UploadAnswer {
  /** The accepted files, in the order of the form */
  readonly uploads: readonly Upload[]
  /** The refused files, in the order of the form */
  readonly rejected: readonly RefusedFile[]
}

/** upload.completed: the upload became an asset */
export interface UploadCompleted {
  readonly type: 'upload.completed'
  /** RFC 3339, UTC */
  readonly timestamp: string
  readonly data: UploadCompletedData
}

export interface UploadCompletedData {
  /** The same each time the event is read or delivered */
  readonly event_id: string
  readonly upload_id: string
  /** Numbers the events of the upload from 1, without gaps */
  readonly sequence: number
  readonly user_id: string
  readonly asset_type: AssetType
  readonly project_id: string | null
  readonly brand_id: string | null
  readonly filename: string
  readonly size_bytes: number
  readonly metadata: Metadata | null
  /** SHA-256 in hexadecimal */
  readonly content_hash: string
  readonly asset_id: string
  readonly s3_key: string
  readonly mime_type: string
  /** Results of inspection, such as width, height and duration, by the kind of file */
  readonly facts: Readonly<Record<string, string | number | boolean | null>>
  readonly provenance?: Provenance | null
}

/** upload.parked: the attempts are exhausted through a fault of ours; an operator decides, so another event of this upload follows */
export interface UploadParked {
  readonly type: 'upload.parked'
  /** RFC 3339, UTC */
  readonly timestamp: string
  readonly data: UploadParkedData
}

export interface UploadParkedData {
  /** The same each time the event is read or delivered */
  readonly event_id: string
  readonly upload_id: string
  /** Numbers the events of the upload from 1, without gaps */
  readonly sequence: number
  readonly user_id: string
  readonly asset_type: AssetType
  readonly project_id: string | null
  readonly brand_id: string | null
  readonly filename: string
  readonly size_bytes: number
  readonly metadata: Metadata | null
  readonly content_hash: string | null
  readonly error: Reason
}

/** upload.rejected: inspection rejected the upload, its owner or an operator cancelled it, or an operator released it after it was parked */
export interface UploadRejected {
  readonly type: 'upload.rejected'
  /** RFC 3339, UTC */
  readonly timestamp: string
  readonly data: UploadRejectedData
}

export interface UploadRejectedData {
  /** The same each time the event is read or delivered */
  readonly event_id: string
  readonly upload_id: string
  /** Numbers the events of the upload from 1, without gaps */
  readonly sequence: number
  readonly user_id: string
  readonly asset_type: AssetType
  readonly project_id: string | null
  readonly brand_id: string | null
  readonly filename: string
  readonly size_bytes: number
  readonly metadata: Metadata | null
  readonly content_hash: string | null
  readonly error: Reason
}

export interface ListAssetsQuery {
  /** The purpose of a file */
  readonly asset_type?: AssetType
  readonly project_id?: string
  readonly brand_id?: string
  /** The state of their content credentials; none: inspected, without credentials */
  readonly provenance?: 'trusted' | 'valid' | 'invalid' | 'unreadable' | 'none'
  /** What they state about AI: their content credentials where these say it, else their unsigned declarations. Files that do not say are in neither list */
  readonly ai_generated?: boolean
  /** RFC 3339 */
  readonly created_after?: string
  /** RFC 3339 */
  readonly created_before?: string
  /** Assets per page */
  readonly limit?: number
  /** `next_cursor` of the previous page */
  readonly cursor?: string
}

export interface ListJobsQuery {
  /** These jobs: 1 to 100 ids, separated by commas. Cannot be combined with other parameters */
  readonly ids?: readonly string[]
  /** The state of an upload */
  readonly status?: JobStatus
  /** Only uploads that started at this time or later (RFC 3339) */
  readonly since?: string
  /** Jobs per page; 50 by default */
  readonly limit?: number
  /** `next_cursor` of the previous page */
  readonly cursor?: string
  /** For operators (scope ops): the uploads of this user, a UUID, or of `all` users. They are listed by the time of their last change, the newest first, and `since` refers to it */
  readonly user?: string
  readonly code?: ErrorCode
}

export interface PresignAssetQuery {
  /** Validity of the URL, in whole hours */
  readonly expiration_hours?: number
  /** Whether a browser displays the file or downloads it */
  readonly disposition?: 'inline' | 'attachment'
}
