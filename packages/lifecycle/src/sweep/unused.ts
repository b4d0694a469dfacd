import type { AssetRecord } from '@airlock/database'
import { cursorOf, placeOf } from './cursor.ts'
import { type Finds, rule } from './rule.ts'

const limit = 200
const none: Finds<AssetRecord> = { items: [], next: null }

const about = ({ id, userId, s3Key, assetType }: AssetRecord) => ({ assetId: id, userId, key: s3Key, assetType })

/**
 * Assets that nobody used for so long: marked, so that people see beforehand what will go. Training sets are exempt, and so is what did not
 * come through Airlock.
 */
export const unused = rule<AssetRecord>({
  async finds(after, { assets }, { unusedAssetDays: days }) {
    if (days === 0) return none
    const batch = await assets.unused({ days, limit, after: cursorOf(after) })
    return { items: batch.assets, next: placeOf(batch.next) }
  },
  async moves({ id }, { assets }, { unusedAssetDays: days, graceDays }) {
    return (await assets.markExpiring(id, { days, graceDays })) ? 'moved' : 'nothing to do'
  },
  says: 'asset unused for long, will expire unless somebody accesses it',
  about,
  rests: true,
})

/** Marked assets that nobody used in their grace time: deleted as their owner would. Their objects are purged after the commit. */
export const expired = rule<AssetRecord>({
  async finds(after, { assets }, { unusedAssetDays: days }) {
    if (days === 0) return none
    const batch = await assets.expiring({ onlyExpired: true, limit, after: cursorOf(after) })
    return { items: batch.assets, next: placeOf(batch.next) }
  },
  async moves({ id }, { assets }, { graceDays }) {
    return (await assets.deleteExpired(id, { graceDays })) === 'deleted' ? 'moved' : 'nothing to do'
  },
  says: 'unused asset deleted',
  about,
  removes: true,
  rests: true,
})
