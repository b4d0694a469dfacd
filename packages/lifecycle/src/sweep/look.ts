import { type ListedObject, type ObjectStore, type StoredObject, StoreFailure, StoreUnavailable } from '@airlock/storage'
import { pieces } from './reclaimable.ts'

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

/** If so many objects of a batch, and all of it, can't be read, the store is unavailable. */
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
