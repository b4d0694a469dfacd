import type { AssetType, ErrorCode, MediaType, Refusal, UploadState } from '@airlock/domain'
import type { UploadRow } from '../entities/upload.ts'

/** A way in. */
export type Door = 'form' | 'pipeline'

/** Which of two waiting videos goes first; only those of the pipeline have one. */
export type Priority = 'interactive' | 'batch'

/** An object of another bucket than ours: read, never written or removed. */
export interface Source {
  readonly bucket: string
  readonly key: string
}

/** What a caller ties to a file with records of its own: comes back as it was given. */
export type ClientMetadata = Readonly<Record<string, unknown>>

/** One file on its way in. What is null before acceptance is null in `receiving` and `abandoned`, and never after. */
export interface UploadRecord {
  readonly id: string
  readonly userId: string
  readonly state: UploadState
  readonly door: Door
  readonly assetType: AssetType | null
  readonly projectId: string | null
  readonly brandId: string | null
  readonly filename: string
  /** What the client called it; claims nothing. */
  readonly declaredType: string
  /** What the first bytes said at the gateway. */
  readonly detectedType: MediaType | null
  readonly quarantineKey: string
  /** Null until acceptance, then fixed. */
  readonly finalKey: string | null
  readonly sizeBytes: number | null
  /** SHA-256, 64 hex digits. Of the pipeline's videos it is null until a worker has read them. */
  readonly contentHash: string | null
  /** The SHA-256 that the pipeline announced. */
  readonly expectedHash: string | null
  /** What the store said of the quarantined object; compared only with what the same store says. */
  readonly etag: string | null
  /** Stands in the object's metadata too: tells our object from another at the same key. */
  readonly nonce: string
  /** Claims so far; the fence of every write of a worker. */
  readonly attempt: number
  readonly leaseUntil: Date | null
  /** What its owner is told, in `rejected`, `abandoned` and `parked`. */
  readonly refusal: Refusal | null
  /** Why the last attempt failed, for operators only. */
  readonly lastFault: string | null
  readonly requestId: string | null
  /** Whether it counts against its owner's files of the hour. */
  readonly counted: boolean
  readonly createdAt: Date
  readonly receivedAt: Date | null
  readonly processingAt: Date | null
  readonly completedAt: Date | null
  readonly rejectedAt: Date | null
  readonly abandonedAt: Date | null
  readonly parkedAt: Date | null
  readonly updatedAt: Date
  readonly clientMetadata: ClientMetadata | null
  /** The service that acted for the user, or null when the user did it. */
  readonly actedBy: string | null
  /** Grows with each move: two records of one upload with the same version stand in the same state. */
  readonly version: number
  /** When the first of the failures came that it has had without an end of them; null while all goes well. */
  readonly failingSince: Date | null
  /** Before this moment nobody need try again; null when it may be tried at any time. */
  readonly nextAttemptAt: Date | null
  readonly priority: Priority | null
  /** Where the bytes are when they are not under the quarantine key. */
  readonly source: Source | null
  /** Of the attempts, those that ended because their worker stopped. */
  readonly handedBack: number
  /** Inspections in a row that came to no verdict. */
  readonly failedInspections: number
}

/** A row in the words of the domain. Its codes, kinds and types were written by us from the domain's own tables. */
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
