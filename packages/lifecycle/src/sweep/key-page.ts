import type { AssetRecord, AssetRepository } from '@airlock/database'
import { finalPrefixes } from '@airlock/domain'
import type { ListedObject, ObjectStore } from '@airlock/storage'

const limit = 100

/** The objects and the rows of one range of final keys. */
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
 * At most a hundred keys under the final prefixes: the store's objects and the database's rows. The objects are listed first, so that the row
 * of an asset that completes in between is found.
 *
 * @param after a key, or a prefix; null for the first page
 */
export async function keyPage(after: string | null, { store, assets }: KeyPageDeps): Promise<KeyPage> {
  const prefix = prefixes.find((candidate) => after?.startsWith(candidate)) ?? prefixes[0]
  if (prefix === undefined) return { objects: [], assets: [], next: null }
  const from = after ?? prefix
  const objects = await store.list(prefix, { after: from, limit })
  const rows = await assets.below({ prefix, after: from, limit })
  const ends = [lastOfFullPage(objects.map(({ key }) => key)), lastOfFullPage(rows.map(({ s3Key }) => s3Key))].filter((key) => key !== null)
  const end = ends.toSorted(byBytes)[0]
  if (end === undefined) return { objects, assets: rows, next: prefixes[prefixes.indexOf(prefix) + 1] ?? null }
  return {
    objects: objects.filter(({ key }) => byBytes(key, end) <= 0),
    assets: rows.filter(({ s3Key }) => byBytes(s3Key, end) <= 0),
    next: end,
  }
}

/** The key up to which a list is complete; null when the list was not truncated. */
const lastOfFullPage = (keys: readonly string[]): string | null => (keys.length < limit ? null : (keys.at(-1) ?? null))

/** The order of keys in object stores; JavaScript's order differs outside the basic multilingual plane. */
function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
