import type { Readable } from 'node:stream'
import type { ByteSource } from '@airlock/domain'

/** How the store says that it encrypts an object. `null`: it does not say that it does. */
export type Encryption = 'AES256' | 'aws:kms'

/** What the store knows of an object. */
export interface StoredObject {
  readonly sizeBytes: number
  /** In the store's own spelling. Compare it only with what the same store said of the same object. */
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

/** An upload in parts that was begun and neither finished nor ended. Nobody can read it, but it costs its space. */
export interface OpenReceive {
  readonly key: string
  readonly begunAt: Date
}

/** An object: a key of our bucket, or one of another bucket, which is only ever read. */
export type ObjectAddress = string | { readonly bucket: string; readonly key: string }

/** What a promoted object says of itself. Metadata travels in HTTP headers: ASCII only. */
export interface FinalHeaders {
  readonly contentType: string
  readonly cacheControl: string
  readonly metadata: Readonly<Record<string, string>>
}

export interface ReceiveOptions {
  /** Kept in the object's metadata: by it and the size we know our own write again when the store's answer got lost. */
  nonce: string
  /** Ends the receiving; `receive` then rejects with the signal's reason. */
  signal?: AbortSignal | undefined
  /** Called each time that the store has taken a part. */
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
  /** 1 to 604 800 (a week), as S3 has it. */
  expiresInSeconds: number
  /** Whether a browser shows the file or saves it; without it the browser decides by the type. */
  disposition?: 'inline' | 'attachment' | undefined
  /** The name to save under, in any script. */
  filename?: string | undefined
}

/**
 * The object store, in the words of the product. Keys are whole: no verb touches a key that it was not given.
 *
 * Every verb throws `StoreUnavailable` when the store is out of reach or too slow, after at most three retries,
 * and `StoreFailure` when the store gave an answer that no verb foresees (a wrong key, a missing bucket, no permission).
 */
export interface ObjectStore {
  /**
   * Streams bytes to a key, of which nothing is known beforehand but that the caller made it for these bytes.
   *
   * A stream that fails makes this reject with the stream's own error, and neither object nor unfinished upload is left behind;
   * what could not be cleaned because the store went away is told to `onLeftover`. When the store fails, the stream is destroyed.
   *
   * @returns the ETag and the bytes counted
   * @throws whatever the stream or the signal says
   */
  receive(key: string, bytes: Readable, options: ReceiveOptions): Promise<{ etag: string; sizeBytes: number }>

  /** What the store knows of an object, or null when nothing is there. */
  head(object: ObjectAddress): Promise<StoredObject | null>

  /**
   * The bytes of one object, pinned: each read names the ETag.
   *
   * Its reads throw `ObjectChanged` when other bytes stand under the key, `ObjectMissing` when none do, and the reason of the signal when
   * that fires: a store that says nothing holds up nobody who has to stop.
   */
  source(object: ObjectAddress, pinned: { etag: string; sizeBytes: number; signal?: AbortSignal | undefined }): ByteSource

  /**
   * Copies inspected bytes to their final key, and looks there whether they arrived.
   *
   * Run again, or by two at once, it ends the same way. A source that is gone while its copy is there (same size, same metadata)
   * is a copy that had been made before.
   *
   * @returns the ETag of the copy
   * @throws ObjectChanged  the source holds other bytes than the ones that were inspected
   * @throws ObjectMissing  the source is gone, and no copy of it is there
   */
  copyToFinal(from: ObjectAddress, to: string, options: CopyOptions): Promise<{ etag: string }>

  /**
   * A URL that gives the bytes to whoever has it, until it expires.
   *
   * Within a quarter of its life, at most an hour, the same wish gives the same URL, in every process with the same credentials, so that
   * browsers and CDNs can cache what it gives. It is therefore signed with the beginning of that window, and never outlives the time asked for.
   *
   * @returns the URL, and when it really stops working: credentials that end sooner take the URL with them
   * @throws RangeError when the time asked for is not 1 second to 7 days
   */
  presign(key: string, options: PresignOptions): Promise<{ url: string; expiresAt: Date }>

  /** Removes an object. Nothing there is success. */
  purge(key: string): Promise<void>

  /** Ends unfinished uploads of exactly this key and frees their parts. @returns how many there were */
  abandonReceives(key: string): Promise<number>

  /**
   * Unfinished uploads below a prefix, in no order, ten thousand at most; a key may come more than once. Whose they are, nobody says:
   * other programs may upload to the same bucket.
   */
  openReceives(prefix: string): Promise<OpenReceive[]>

  /** Up to `limit` (1 to 1000) objects below a prefix in the order of their keys, those behind the key `after`. */
  list(prefix: string, options: { after?: string | undefined; limit: number }): Promise<ListedObject[]>

  /** Asks the store for one key. Does not retry. */
  check(options: { timeoutMs: number }): Promise<void>

  /**
   * Asks about an object that is not there, which costs a store least. Resolves with any answer, a refusal included, since whoever refuses is
   * there.
   *
   * @throws StoreUnavailable when no answer comes within `timeoutMs`
   */
  ping(options: { timeoutMs: number }): Promise<void>

  /** Lets go of the connections. Calls in flight fail. */
  close(): void
}
