import type { ObjectAddress } from '../object-store.ts'
import { ObjectChanged, ObjectMissing, StoreUnavailable } from '../store-errors.ts'
import { head } from './objects.ts'
import { placeOf } from './place.ts'
import type { StoreDeps } from './store-deps.ts'

/** The bytes that a call was pinned to. */
export interface PinnedObject {
  readonly object: ObjectAddress
  readonly etag: string
  readonly sizeBytes: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Says whether a 404 or 412 is to be believed: an upload whose bytes are gone or changed is given up, so one wrong answer of a store that
 * has just failed over, or of a proxy before it, must not decide that. A HEAD asks again.
 *
 * @param error what a call threw
 * @returns `StoreUnavailable` for an `ObjectMissing` or `ObjectChanged` that the HEAD contradicts, any other error as it is
 * @throws StoreUnavailable, StoreFailure  the HEAD itself failed, so that nobody knows
 */
export async function confirmed(deps: StoreDeps, error: unknown, { object, etag, sizeBytes, signal }: PinnedObject): Promise<unknown> {
  if (!(error instanceof ObjectMissing || error instanceof ObjectChanged)) return error
  const found = await head(deps, object, signal)
  if (found === null || found.etag !== etag || found.sizeBytes !== sizeBytes) return error
  const { Key } = placeOf(deps.options.bucket, object)
  return new StoreUnavailable(`${error.message}, but a HEAD finds the object unchanged`, Key, { cause: error })
}
