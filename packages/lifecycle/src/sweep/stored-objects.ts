import type { UploadRecord } from '@airlock/database'
import { isFinal } from '@airlock/domain'
import { type ListedObject, type ObjectStore, type StoredObject, StoreFailure, StoreUnavailable } from '@airlock/storage'
import type { SweepOptions } from './sweep-options.ts'

/** The maximum of ids in one query for the uploads of objects. */
export const idsAtOnce = 100

/** The settings that decide from what age on something is reclaimable. */
export type Ages = Pick<SweepOptions, 'callSeconds' | 'receivingForSeconds' | 'clockAheadMs'>

/**
 * Whether an object that was written at `writtenAt` under an upload's quarantine key is no longer needed. The row must have been read after the
 * object was listed.
 *
 * A row is written before the first byte and a final row never changes, so the answer stays true. The age is not needed for that: it leaves time
 * for the regular clean-up. Without a row, only the parts of an uncompleted multipart upload may be removed: it was never accepted.
 */
export function isReclaimable(
  upload: UploadRecord | undefined,
  writtenAt: Date,
  { callSeconds, receivingForSeconds, clockAheadMs }: Ages,
): boolean {
  if (upload !== undefined) return isFinal(upload.state) && isOlder(writtenAt, callSeconds, clockAheadMs)
  return isOlder(writtenAt, receivingForSeconds + callSeconds, clockAheadMs)
}

/** @param clockAheadMs how far the reference clock is ahead of ours */
export const isOlder = (at: Date, seconds: number, clockAheadMs = 0): boolean => Date.now() + clockAheadMs - at.getTime() >= seconds * 1000

/** Splits a list into pieces of at most `size`. */
export function* pieces<T>(all: readonly T[], size: number): Generator<T[]> {
  for (let start = 0; start < all.length; start += size) yield all.slice(start, start + size)
}

/** The maximum of concurrent calls to the store. */
export const atOnce = 8
/** The maximum of keys in one log line. */
const shown = 5

/** The number of objects and the first keys, for one log line. */
export const shownOf = (objects: readonly Pick<ListedObject, 'key'>[]): { count: number; keys: string[] } => ({
  count: objects.length,
  keys: objects.slice(0, shown).map(({ key }) => key),
})

/** An item with its object; null when there is none. `refused`: why the store refuses to read this object, for operators. */
export type Look<T> = T & { readonly object: StoredObject | null; readonly refused: string | null }

/** If no object of a batch with at least this many can be read, the store is unavailable. */
const storeIsUnavailable = 3

/**
 * Reads the headers of objects, a few at once. One that the store refuses to read, for example because its sender encrypted it with their own key
 * (SSE-C), does not affect the others.
 *
 * @throws StoreUnavailable  when none of several objects can be read
 * @throws StoreFailure  the bucket does not exist
 */
export async function lookAt<T extends { readonly key: string }>(
  items: readonly T[],
  store: Pick<ObjectStore, 'head'>,
): Promise<Look<T>[]> {
  const looks: Look<T>[] = []
  for (const piece of pieces(items, atOnce)) {
    const errors: unknown[] = []
    const looked = await Promise.all(
      piece.map(async (item): Promise<Look<T>> => {
        try {
          return { ...item, object: await store.head(item.key), refused: null }
        } catch (error) {
          if (!(error instanceof StoreFailure || error instanceof StoreUnavailable)) throw error
          if (error instanceof StoreFailure && error.code === 'NoSuchBucket') throw error
          if (error instanceof StoreUnavailable) errors.push(error)
          return { ...item, object: null, refused: error.message }
        }
      }),
    )
    if (errors.length >= storeIsUnavailable && errors.length === piece.length) throw errors[0]
    looks.push(...looked)
  }
  return looks
}

/** Whether the store answered, possibly that the object does not exist. */
export const isShown = <T>({ refused }: Look<T>): boolean => refused === null
