import type { Readable } from 'node:stream'
import type { ByteSource } from '@airlock/domain'
import { StoreUnavailable } from './store-errors.ts'

/** The encryption of an object as the store reports it. `null`: it reports none. */
export type Encryption = 'AES256' | 'aws:kms'

/** The headers and metadata of an object. */
export interface StoredObject {
  readonly sizeBytes: number
  /** In the store's own format. Compare it only with ETags of the same object in the same store. */
  readonly etag: string
  readonly contentType: string | null
  readonly cacheControl: string | null
  /** Names in lower case. */
  readonly metadata: Readonly<Record<string, string>>
  readonly encryption: Encryption | null
  readonly lastModified: Date
}

export interface ListedObject {
  readonly key: string
  readonly sizeBytes: number
  readonly etag: string
  readonly lastModified: Date
}

/** A multipart upload that was neither completed nor aborted. It can't be read, but it occupies space. */
export interface OpenReceive {
  readonly key: string
  readonly begunAt: Date
}

/** An object: a key in our bucket, or an object in another bucket, which is only read. */
export type ObjectAddress = string | { readonly bucket: string; readonly key: string }

/** The headers of a promoted object. Metadata is sent in HTTP headers, so it must be ASCII. */
export interface FinalHeaders {
  readonly contentType: string
  readonly cacheControl: string
  readonly metadata: Readonly<Record<string, string>>
}

export interface ReceiveOptions {
  /** Stored in the object's metadata. Nonce and size identify our own write when the store's answer was lost. */
  nonce: string
  /** Aborts the write; `receive` then rejects with the signal's reason. */
  signal?: AbortSignal | undefined
  /** Called for each part that the store has received. */
  onArrived?: (() => void) | undefined
}

export interface CopyOptions {
  /** The ETag of the bytes that were inspected. */
  ifEtag: string
  sizeBytes: number
  headers: FinalHeaders
  signal?: AbortSignal | undefined
}

export interface PresignOptions {
  /** 1 to 604 800 (a week), the range of S3. */
  expiresInSeconds: number
  /** Whether a browser displays the file or saves it; absent: the browser decides by the type. */
  disposition?: 'inline' | 'attachment' | undefined
  /** The name under which a browser saves the file, in any script. */
  filename?: string | undefined
}

export interface PresignWriteOptions {
  /** 1 to 604 800. The store checks it when the request begins. */
  expiresInSeconds: number
  /** The exact length of the body. */
  sizeBytes: number
  /** The part of an object that is written in parts; absent: the whole object. */
  part?: { uploadId: string; number: number } | undefined
  /** Of the whole object: refuses to replace an existing one. */
  onlyIfAbsent?: boolean | undefined
  /** Of the whole object: the SHA-256 of the bytes, 64 hexadecimal digits. */
  sha256?: string | undefined
}

/** A PUT that anyone can send until it expires. */
export interface PresignedWrite {
  url: string
  /** The headers that the request must have, besides `Content-Length`. */
  headers: Readonly<Record<string, string>>
  expiresAt: Date
}

/** An object that is written in parts by clients. */
export interface PartsAddress {
  readonly key: string
  /** The store's id of the unfinished object. */
  readonly uploadId: string
}

/** A part that the store has. */
export interface ArrivedPart {
  readonly number: number
  readonly sizeBytes: number
  readonly etag: string
}

/**
 * The object store, in the verbs of the product. Keys are complete: no verb affects other keys than the given one.
 *
 * All verbs throw `StoreUnavailable` when the store is unreachable or too slow, after at most three retries,
 * and `StoreFailure` for unexpected answers of the store (invalid credentials, a missing bucket, no permission).
 */
export interface ObjectStore {
  /**
   * Streams bytes to `key`, which the caller has freshly created for them. Size and hash are not known yet.
   *
   * If the stream fails, this rejects with the stream's error, and neither an object nor an unfinished multipart upload remains; what could not be
   * removed because the store became unavailable is reported to `onLeftover`. If the store fails, the stream is destroyed.
   *
   * @returns the ETag and the number of bytes
   * @throws the error of the stream, or the reason of the signal
   */
  receive(key: string, bytes: Readable, options: ReceiveOptions): Promise<{ etag: string; sizeBytes: number }>

  /** The headers and metadata of an object, or null when it does not exist. */
  head(object: ObjectAddress): Promise<StoredObject | null>

  /**
   * The bytes of one object. All reads are pinned to the ETag.
   *
   * Reads throw `ObjectChanged` when the object has changed, `ObjectMissing` when it does not exist, and the reason of the signal when that aborts,
   * so that an unresponsive store does not delay a shutdown.
   */
  source(object: ObjectAddress, pinned: { etag: string; sizeBytes: number; signal?: AbortSignal | undefined }): ByteSource

  /**
   * Copies inspected bytes to their final key, and verifies that they arrived.
   *
   * It is idempotent, also for concurrent calls. If the source is missing but the copy exists (same size, same metadata), the copy was made by an
   * earlier call.
   *
   * @returns the ETag of the copy
   * @throws ObjectChanged  the source is no longer the object that was inspected
   * @throws ObjectMissing  neither the source nor a copy of it exists
   */
  copyToFinal(from: ObjectAddress, to: string, options: CopyOptions): Promise<{ etag: string }>

  /**
   * A URL with which anyone can download the object until it expires.
   *
   * Within a window of a quarter of its lifetime, at most an hour, the same options give the same URL in all processes with the same credentials, so that
   * browsers and CDNs can cache the object. It is therefore signed with the start of that window, and never expires later than requested.
   *
   * @returns the URL and its actual expiry, which is that of the credentials if they expire earlier
   * @throws RangeError when the requested lifetime is not from 1 second to 7 days
   */
  presign(key: string, options: PresignOptions): Promise<{ url: string; expiresAt: Date }>

  /**
   * A PUT of one object, or of one part of it, by a client without credentials. Key, length and headers are part of the signature; which of them the
   * store enforces is in docs/direct-uploads.md.
   *
   * @throws RangeError when the requested lifetime is not from 1 second to 7 days
   */
  presignWrite(key: string, options: PresignWriteOptions): Promise<PresignedWrite>

  /**
   * Begins an object whose parts clients will write.
   *
   * @param options.nonce stored in the metadata of the object
   * @returns the store's id of it
   */
  beginParts(key: string, options: { nonce: string }): Promise<string>

  /** The parts that have arrived, in the order of their numbers; null when the unfinished object does not exist: it was completed or aborted. */
  arrivedParts(parts: PartsAddress): Promise<ArrivedPart[] | null>

  /**
   * Makes the parts one object. Nothing can be written to it afterwards.
   *
   * @returns false when the unfinished object does not exist, or a part is no longer the one that was listed
   */
  completeParts(parts: PartsAddress, arrived: readonly ArrivedPart[]): Promise<boolean>

  /**
   * Whether a presigned PUT with `If-None-Match: *` can't replace an object, not even one that began before that object existed. It writes to `key`,
   * which the caller has made up, and removes it.
   */
  writesOnce(key: string): Promise<boolean>

  /** Removes an object. Succeeds if it does not exist. */
  purge(key: string): Promise<void>

  /** Aborts the unfinished multipart uploads of exactly this key and frees their parts. @returns how many there were */
  abandonReceives(key: string): Promise<number>

  /**
   * Unfinished multipart uploads under a prefix, in no order, at most ten thousand; a key may occur more than once. Some may belong to other
   * programs that use the same bucket.
   */
  openReceives(prefix: string): Promise<OpenReceive[]>

  /** Up to `limit` (1 to 1000) objects under a prefix and after the key `after`, in the order of their keys. */
  list(prefix: string, options: { after?: string | undefined; limit: number }): Promise<ListedObject[]>

  /** Lists one key of the bucket. It does not retry. */
  check(options: { timeoutMs: number }): Promise<void>

  /**
   * Requests an object that does not exist, which is the cheapest call for a store. Resolves for any answer, also a refusal, because that shows that
   * the store is available.
   *
   * @throws StoreUnavailable when no answer comes within `timeoutMs`
   */
  ping(options: { timeoutMs: number }): Promise<void>

  /** Closes the connections. Running calls fail. */
  close(): void
}

/**
 * Checks that the store answers and does not refuse our requests. If only listing is slow, as for large buckets, the store is healthy as long as it
 * answers for an object.
 *
 * @param options.timeoutMs the time limit, in ms
 * @throws StoreUnavailable when there is no answer in time
 * @throws StoreFailure, ObjectMissing when the store refuses the request or the bucket does not exist
 */
export async function checkHealth(store: Pick<ObjectStore, 'check' | 'ping'>, options: { timeoutMs: number }): Promise<void> {
  const answered = store.ping(options)
  answered.catch(() => {}) // only used when listing fails
  await store.check(options).catch((error: unknown) => {
    if (!(error instanceof StoreUnavailable)) throw error
    return answered
  })
}
