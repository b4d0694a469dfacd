import type { AssetRecord, AssetRepository } from '@airlock/database'
import { finalPrefixes } from '@airlock/domain'
import type { ListedObject, ObjectStore } from '@airlock/storage'

const limit = 100

/** Objects and rows that stand under the same stretch of final keys. */
export interface KeyPage {
  readonly objects: readonly ListedObject[]
  readonly assets: readonly AssetRecord[]
  /** Where the next page begins; null when this was the last. */
  readonly next: string | null
}

export interface KeyPageDeps {
  store: Pick<ObjectStore, 'list'>
  assets: Pick<AssetRepository, 'below'>
}

const prefixes = finalPrefixes.toSorted(byBytes)

/**
 * A hundred keys of the final prefixes, or fewer: what the store has there, and then what the record says. The objects come first, so that
 * of an object whose asset was just being made the row is seen as well.
 *
 * @param after a key, or a prefix; null for the first page
 */
export async function keyPage(after: string | null, { store, assets }: KeyPageDeps): Promise<KeyPage> {
  const prefix = prefixes.find((candidate) => after?.startsWith(candidate)) ?? prefixes[0]
  if (prefix === undefined) return { objects: [], assets: [], next: null }
  const from = after ?? prefix
  const objects = await store.list(prefix, { after: from, limit })
  const rows = await assets.below({ prefix, after: from, limit })
  const ends = [endOf(objects.map(({ key }) => key)), endOf(rows.map(({ s3Key }) => s3Key))].filter((key) => key !== null)
  const end = ends.toSorted(byBytes)[0]
  if (end === undefined) return { objects, assets: rows, next: prefixes[prefixes.indexOf(prefix) + 1] ?? null }
  return {
    objects: objects.filter(({ key }) => byBytes(key, end) <= 0),
    assets: rows.filter(({ s3Key }) => byBytes(s3Key, end) <= 0),
    next: end,
  }
}

/** Up to where a list says everything; null when it was not cut off. */
const endOf = (keys: readonly string[]): string | null => (keys.length < limit ? null : (keys.at(-1) ?? null))

/** As object stores order keys; JavaScript's own order differs beyond the basic plane. */
function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
