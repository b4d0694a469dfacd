import type { AssetRecord } from '@airlock/database'
import { type Finds, rule } from './rule.ts'
import { decodeCursor, encodeCursor } from './uploads.ts'

const limit = 200
const none: Finds<AssetRecord> = { items: [], next: null }

const about = ({ id, userId, s3Key, assetType }: AssetRecord) => ({ assetId: id, userId, key: s3Key, assetType })

/**
 * Assets that have been unused for the configured time: marked, so that people see in advance what will be deleted. Training sets are exempt, and
 * so are assets that did not come through Airlock.
 */
export const unused = rule<AssetRecord>({
  async finds(after, { assets }, { unusedAssetDays: days }) {
    if (days === 0) return none
    const batch = await assets.unused({ days, limit, after: decodeCursor(after) })
    return { items: batch.assets, next: encodeCursor(batch.next) }
  },
  async moves({ id }, { assets }, { unusedAssetDays: days, graceDays }) {
    return (await assets.markExpiring(id, { days, graceDays })) ? 'moved' : 'nothing to do'
  },
  message: 'asset unused, will expire unless it is accessed',
  about,
  rests: true,
})

/** Marked assets that were not used in their grace time: deleted as by their owner. Their objects are purged after the commit. */
export const expired = rule<AssetRecord>({
  async finds(after, { assets }, { unusedAssetDays: days }) {
    if (days === 0) return none
    const batch = await assets.expiring({ onlyExpired: true, limit, after: decodeCursor(after) })
    return { items: batch.assets, next: encodeCursor(batch.next) }
  },
  async moves({ id }, { assets }, { graceDays }) {
    return (await assets.deleteExpired(id, { graceDays })) === 'deleted' ? 'moved' : 'nothing to do'
  },
  message: 'unused asset deleted',
  about,
  removes: true,
  rests: true,
})
