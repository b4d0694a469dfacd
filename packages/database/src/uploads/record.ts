import type { AssetType, ErrorCode, MediaType, Refusal, UploadState } from '@airlock/domain'
import type { UploadRow } from '../entities/upload.ts'

/** The door through which an upload came. */
export type Door = 'form' | 'pipeline'

/** The priority of a waiting video; only videos of the pipeline have one. */
export type UploadPriority = 'interactive' | 'batch'

/** An object in another bucket than ours: Airlock reads it, and never writes or removes it. */
export interface Source {
  readonly bucket: string
  readonly key: string
}

/** The caller's own data about a file, returned unchanged. */
export type StoredMetadata = Readonly<Record<string, unknown>>

/** An upload. Values that are null before acceptance are null in `receiving` and `abandoned` only. */
export interface UploadRecord {
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
  /** SHA-256, 64 hex digits. For the pipeline's videos it is null until a worker has read them. */
  readonly contentHash: string | null
  /** The SHA-256 that the pipeline declared. */
  readonly expectedHash: string | null
  /** The ETag of the quarantined object, to be compared only with ETags of the same store. */
  readonly etag: string | null
  /** Also in the object's metadata: identifies our object among others at the same key. */
  readonly nonce: string
  /** The number of claims so far; it fences all writes of a worker. */
  readonly attempt: number
  readonly leaseUntil: Date | null
  /** The reason for its owner, in `rejected`, `abandoned` and `parked`. */
  readonly refusal: Refusal | null
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
  readonly priority: UploadPriority | null
  /** The object with the bytes, when they are not under the quarantine key. */
  readonly source: Source | null
  /** The number of attempts that ended because their worker stopped. */
  readonly handedBack: number
  /** The number of consecutive inspections without a verdict. */
  readonly failedInspections: number
}

/** Converts a row to the types of the domain. Its codes, kinds and media types were written from the domain's tables. */
export function asRecord(row: UploadRow): UploadRecord {
  const { errorCode, errorTitle, errorDetail, sourceBucket: bucket, sourceKey: key, ...rest } = row
  return {
    ...rest,
    assetType: rest.assetType as AssetType | null,
    detectedType: rest.detectedType as MediaType | null,
    source: bucket === null || key === null ? null : { bucket, key },
    refusal:
      errorCode === null || errorTitle === null || errorDetail === null
        ? null
        : { code: errorCode as ErrorCode, error: errorTitle, detail: errorDetail },
  }
}
