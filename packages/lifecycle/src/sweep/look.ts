import { type ListedObject, type ObjectStore, type StoredObject, StoreFailure, StoreUnavailable } from '@airlock/storage'
import { pieces } from './reclaimable.ts'

/** Calls to the store that are under way at once. */
export const atOnce = 8
/** Keys that one line of the log names. */
const shown = 5

/** How many objects, and the keys of some, for one line of the log. */
export const shownOf = (objects: readonly Pick<ListedObject, 'key'>[]): { count: number; keys: string[] } => ({
  count: objects.length,
  keys: objects.slice(0, shown).map(({ key }) => key),
})

/** What the store says of an object: null when nothing is there. `refused`: why it says nothing of this one, for operators. */
export type Look<T> = T & { readonly object: StoredObject | null; readonly refused: string | null }

/** So many objects that can't be looked at, and none that can, mean that the store is unavailable. */
const storeIsUnavailable = 3

/**
 * Looks at objects, a few at once. One that the store will not show, for example because it is encrypted with a key of its sender (SSE-C), hides
 * none of the others.
 *
 * @throws StoreUnavailable  when none of several gets an answer
 * @throws StoreFailure  there is no such bucket
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

/** Whether the store said something of it, and perhaps that nothing is there. */
export const isShown = <T>({ refused }: Look<T>): boolean => refused === null
