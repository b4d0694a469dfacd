import {
  DeleteObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3'
import type { Encryption, ListedObject, ObjectAddress, StoredObject } from '../object-store.ts'
import { ObjectChanged, ObjectMissing, StoreFailure, StoreUnavailable } from '../store-errors.ts'
import type { StoreDeps } from './store-deps.ts'

/** An object's address as parameters of S3. */
export interface S3Address {
  readonly Bucket: string
  readonly Key: string
}

/** @param bucket our bucket, for addresses without one */
export const s3AddressOf = (bucket: string, object: ObjectAddress): S3Address =>
  typeof object === 'string' ? { Bucket: bucket, Key: object } : { Bucket: object.bucket, Key: object.key }

/** The source of a copy, URL-encoded except for its slashes, as S3 requires. */
export function copySource(bucket: string, from: ObjectAddress): string {
  const { Bucket, Key } = s3AddressOf(bucket, from)
  return `${Bucket}/${Key.split('/').map(encodeURIComponent).join('/')}`
}

/**
 * See `ObjectStore.head`. A 404 counts only when the store repeats it, because an upload may be parked for it.
 *
 * @param signal aborts the call; its reason is thrown
 */
export async function head(deps: StoreDeps, object: ObjectAddress, signal?: AbortSignal): Promise<StoredObject | null> {
  return (await headOnce(deps, object, signal)) ?? headOnce(deps, object, signal)
}

async function headOnce(deps: StoreDeps, object: ObjectAddress, signal: AbortSignal | undefined): Promise<StoredObject | null> {
  const address = s3AddressOf(deps.options.bucket, object)
  try {
    return asStoredObject(await deps.call(new HeadObjectCommand({ ...address }), { key: address.Key, signal }))
  } catch (error) {
    await missingOnlyInBucket(deps, error, address.Bucket)
    return null
  }
}

/**
 * Accepts `ObjectMissing`, except when the whole bucket is missing: a HEAD response has no body with a code, and some stores answer "no such key". A wrong
 * bucket must not look like a bucket without objects, because uploads would be parked for it.
 *
 * @throws any other error, and `StoreFailure` with `NoSuchBucket`
 */
async function missingOnlyInBucket({ call }: StoreDeps, error: unknown, bucket: string): Promise<void> {
  if (!(error instanceof ObjectMissing)) throw error
  await call(new HeadBucketCommand({ Bucket: bucket }), { key: null }).catch((cause) => {
    if (!(cause instanceof ObjectMissing)) throw cause
    throw new StoreFailure(`Bucket '${bucket}' does not exist`, null, { cause, code: 'NoSuchBucket', status: 404 })
  })
}

const asStoredObject = (output: HeadObjectCommandOutput): StoredObject => ({
  sizeBytes: output.ContentLength ?? 0,
  etag: output.ETag ?? '',
  contentType: output.ContentType ?? null,
  cacheControl: output.CacheControl ?? null,
  metadata: output.Metadata ?? {},
  encryption: asEncryption(output.ServerSideEncryption),
  lastModified: output.LastModified ?? new Date(0),
})

/** `aws:kms:dsse` is KMS applied twice. */
export function asEncryption(value: string | undefined): Encryption | null {
  if (value === 'AES256') return 'AES256'
  return value?.startsWith('aws:kms') ? 'aws:kms' : null
}

/** See `ObjectStore.purge`. */
export async function purge({ call, options: { bucket } }: StoreDeps, key: string): Promise<void> {
  await call(new DeleteObjectCommand({ Bucket: bucket, Key: key }), { key }).catch((error) => {
    if (!(error instanceof ObjectMissing)) throw error
  })
}

/** A key that never exists: ids of uploads are UUIDs. */
const unusedKey = 'quarantine/ping'

/** See `ObjectStore.ping`. */
export async function ping({ call, options: { bucket } }: StoreDeps, timeoutMs: number): Promise<void> {
  const command = new HeadObjectCommand({ Bucket: bucket, Key: unusedKey })
  await call(command, { key: unusedKey, timeoutMs }).catch((error) => {
    if (error instanceof StoreUnavailable) throw error
  })
}

const maxListed = 1000

/** See `ObjectStore.list`. */
export async function list(
  { call, options: { bucket } }: StoreDeps,
  prefix: string,
  { after, limit }: { after?: string | undefined; limit: number },
): Promise<ListedObject[]> {
  if (!Number.isInteger(limit) || limit < 1 || limit > maxListed)
    throw new RangeError(`limit is ${limit}, but must be a whole number from 1 to ${maxListed}`)
  const command = new ListObjectsV2Command({
    Bucket: bucket,
    Prefix: prefix,
    MaxKeys: limit,
    ...(after !== undefined && { StartAfter: after }),
  })
  const { Contents = [] } = await call(command, { key: prefix })
  return Contents.map(({ Key = '', Size = 0, ETag = '', LastModified = new Date(0) }) => ({
    key: Key,
    sizeBytes: Size,
    etag: ETag,
    lastModified: LastModified,
  }))
}

/** The object to which a call was pinned. */
export interface PinnedObject {
  readonly object: ObjectAddress
  readonly etag: string
  readonly sizeBytes: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Verifies a 404 or 412 with a HEAD: an upload whose bytes are missing or changed is parked, and one wrong answer of a store during a failover, or of
 * a proxy, must not cause that.
 *
 * @param error the error of a call
 * @returns `StoreUnavailable` for an `ObjectMissing` or `ObjectChanged` that the HEAD contradicts; any other error unchanged
 * @throws StoreUnavailable, StoreFailure  the HEAD itself failed
 */
export async function confirmed(deps: StoreDeps, error: unknown, { object, etag, sizeBytes, signal }: PinnedObject): Promise<unknown> {
  if (!(error instanceof ObjectMissing || error instanceof ObjectChanged)) return error
  const found = await head(deps, object, signal)
  if (found === null || found.etag !== etag || found.sizeBytes !== sizeBytes) return error
  const { Key } = s3AddressOf(deps.options.bucket, object)
  return new StoreUnavailable(`${error.message}, but a HEAD finds the object unchanged`, Key, { cause: error })
}
