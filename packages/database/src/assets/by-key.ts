import { Asset } from '../entities/asset.ts'
import { rowReader } from '../entities/from-row.ts'
import { atMost } from '../ids.ts'
import type { Sessions } from '../sessions.ts'
import type { AssetRecord } from './record.ts'

/** Assets by the keys of their objects, to compare rows with objects. */
export interface AssetsByKey {
  /** Assets of any owner with these keys, at most 100; in no order. */
  byKeys(keys: readonly string[]): Promise<AssetRecord[]>
  /**
   * Assets whose keys begin with `prefix`, in byte order, as an object store lists them.
   *
   * @param options.prefix not empty, ASCII
   * @param options.after only keys after this one
   * @param options.limit the maximum number of assets
   */
  below(options: { prefix: string; after: string; limit: number }): Promise<AssetRecord[]>
}

const read = rowReader(Asset)

export const assetsByKey = (sessions: Sessions): AssetsByKey => ({
  byKeys: async (keys) => {
    atMost(100, keys)
    const rows = await sessions.run((session) => session.rows('select * from assets where s3_key = any($1::text[])', [keys]))
    return rows.map(read)
  },
  below: async ({ prefix, after, limit }) => {
    const rows = await sessions.run((session) => session.rows(below, [after, firstKeyAfter(prefix), prefix, limit]))
    return rows.map(read)
  },
})

/** The first key after all keys that begin with `prefix`. */
const firstKeyAfter = (prefix: string): string => prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1)

const below = `
  select * from assets
  where s3_key collate "C" > $1 and s3_key collate "C" >= $3 and s3_key collate "C" < $2
  order by s3_key collate "C" limit $4`
