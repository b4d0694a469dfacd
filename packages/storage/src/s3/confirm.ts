import type { ObjectAddress } from '../object-store.ts'
import { ObjectChanged, ObjectMissing, StoreUnavailable } from '../store-errors.ts'
import { head } from './objects.ts'
import { s3AddressOf } from './s3-address.ts'
import type { StoreDeps } from './store-deps.ts'

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
