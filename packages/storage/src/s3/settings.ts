import { MiB } from '@airlock/domain'
import type { Encryption } from '../object-store.ts'

export interface Credentials {
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string
  /** When temporary credentials end. */
  expiration?: Date
}

/** Something that could not be cleaned away, for the log: the sweeper will meet it again. */
export interface Leftover {
  readonly key: string
  readonly error: unknown
}

export interface S3StoreOptions {
  bucket: string
  region: string
  /** Absent: Amazon S3 of the region. */
  endpoint?: string | undefined
  /** What presigned URLs name, where clients reach the store by another name than we do. */
  publicEndpoint?: string | undefined
  forcePathStyle: boolean
  /** Absent: the SDK's default chain, so that roles of instances, tasks and pods work. */
  credentials?: Credentials | (() => Promise<Credentials>) | undefined
  encryption: Encryption | 'none'
  /** With `aws:kms`: the key to use instead of the account's own. */
  kmsKeyId?: string | undefined
  /** Whether calls carry CRC32 checksums wherever S3 takes them; some other stores refuse these. */
  checksums: 'when_supported' | 'when_required'
  /** The longest that one call to the store may take, its retries included. */
  callTimeoutMs: number
  /** From this size on, copies go in parts that are copied in parallel. */
  multipartCopyFromBytes: number
  /** False: copies are read and written by us, for stores that can't copy or don't check `CopySourceIfMatch`. */
  serverSideCopy: boolean
  onLeftover?: ((leftover: Leftover) => void) | undefined
  tuning?: Partial<Tuning> | undefined
}

/** Sizes and numbers that bound memory and connections. The defaults are measured (docs/object-stores.md). */
export interface Tuning {
  /** Open connections at most. */
  maxSockets: number
  connectTimeoutMs: number
  /** One part of a multipart upload. S3 takes no less than 5 MiB (but of the last) and no more than 10 000 parts. */
  partBytes: number
  /** Parts that one receive may have under way at once. */
  partsPerReceive: number
  /** Parts that all receives of the process together may have under way. Each holds `partBytes` of memory. */
  partsInFlight: number
  /** One part of a server-side copy. No memory of ours is involved. */
  copyPartBytes: number
  copyPartsInFlight: number
  /** Parts that all copies of the process together may have under way; fewer after calls that took too long. */
  copyPartsInAll: number
  /** One request of a source that is read from first to last; two of them are in memory at once. */
  readAheadBytes: number
}

export const defaultTuning: Tuning = {
  maxSockets: 64,
  connectTimeoutMs: 3_000,
  partBytes: 5 * MiB,
  partsPerReceive: 3,
  partsInFlight: 8,
  copyPartBytes: 32 * MiB,
  copyPartsInFlight: 4,
  copyPartsInAll: 16,
  readAheadBytes: 4 * MiB,
}
