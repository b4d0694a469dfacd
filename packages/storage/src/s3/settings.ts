import { MiB, type Tracing } from '@airlock/domain'
import type { Encryption } from '../object-store.ts'

export interface Credentials {
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string
  /** When temporary credentials end. */
  expiration?: Date
}

/** Something that could not be removed, for the log: the sweeper will find it. */
export interface Leftover {
  readonly key: string
  readonly error: unknown
}

export interface S3StoreOptions {
  bucket: string
  region: string
  /** Absent: Amazon S3 in the region. */
  endpoint?: string | undefined
  /** The endpoint in presigned URLs, if clients reach the store under another name. */
  publicEndpoint?: string | undefined
  forcePathStyle: boolean
  /** Absent: the SDK's default provider chain, which supports roles of instances, tasks and pods. */
  credentials?: Credentials | (() => Promise<Credentials>) | undefined
  encryption: Encryption | 'none'
  /** With `aws:kms`: the key to use instead of the account's default. */
  kmsKeyId?: string | undefined
  /** Whether calls have CRC32 checksums wherever S3 supports them; some other stores refuse these. */
  checksums: 'when_supported' | 'when_required'
  /** The time limit of one call to the store, including its retries. */
  callTimeoutMs: number
  /** From this size on, objects are copied in parallel parts. */
  multipartCopyFromBytes: number
  /** False: Airlock copies by reading and writing, for stores that can't copy or don't check `CopySourceIfMatch`. */
  serverSideCopy: boolean
  onLeftover?: ((leftover: Leftover) => void) | undefined
  tuning?: Partial<Tuning> | undefined
  /** Makes calls spans; absent: none. */
  tracing?: Pick<Tracing, 'trace'> | undefined
}

/** Limits of memory and connections. The defaults are measured (docs/object-stores.md). */
export interface Tuning {
  /** The maximum of open connections. */
  maxSockets: number
  connectTimeoutMs: number
  /** The size of a part of a multipart upload. S3 requires at least 5 MiB (except for the last one) and at most 10 000 parts. */
  partBytes: number
  /** The maximum of concurrent parts of one receive. */
  partsPerReceive: number
  /** The maximum of concurrent parts of all receives of the process. Each one uses `partBytes` of memory. */
  partsInFlight: number
  /** The size of a part of a server-side copy. It uses none of our memory. */
  copyPartBytes: number
  copyPartsInFlight: number
  /** The maximum of concurrent parts of all copies of the process; reduced after timeouts. */
  copyPartsInAll: number
  /** The size of one request when a source is streamed; two of them are in memory at once. */
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
