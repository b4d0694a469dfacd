import { Asset } from '../entities/asset.ts'
import { rowReader } from '../entities/from-row.ts'
import type { Sessions } from '../sessions.ts'
import type { AssetRecord } from './record.ts'

/** Where a batch of assets ended. */
export interface AssetPlace {
  readonly at: Date
  readonly id: string
}

export interface AssetBatch {
  readonly assets: readonly AssetRecord[]
  /** Null when this batch was the last. */
  readonly next: AssetPlace | null
}

interface BatchOptions {
  readonly after: AssetPlace | null
  readonly limit: number
}

/**
 * Assets that nobody uses: none of a brand's pictures, no training set, and neither made nor accessed in so many days. Only of those that
 * came through Airlock. They are marked first, and any access takes the mark away (`AccessLog.write`).
 */
export interface UnusedAssets {
  /** Unused for so many days and not marked yet, the oldest first. */
  unused(options: BatchOptions & { days: number }): Promise<AssetBatch>
  /** Marks an asset that is unused at this moment, to expire so many days from now. @returns false when it is used or marked */
  markExpiring(id: string, options: { days: number; graceDays: number }): Promise<boolean>
  /** Marked assets, the first to expire first. @param options.onlyExpired those whose time has come */
  expiring(options: BatchOptions & { onlyExpired: boolean }): Promise<AssetBatch>
  /**
   * Deletes an asset whose time has come, as its owner would; its object is purged after the commit.
   *
   * @returns `spared` when it was used since it was marked: then its mark is gone; `waits` when its time has not come, or it is gone
   */
  deleteExpired(id: string, options: { graceDays: number }): Promise<'deleted' | 'spared' | 'waits'>
  /**
   * Notes that an asset is used at this moment, which also removes its mark. It waits for a deletion that is under way, so that exactly one
   * of the two happens.
   *
   * @returns false when the asset is gone
   */
  noteUse(id: string): Promise<boolean>
}

const read = rowReader(Asset)

export const unusedAssets = (sessions: Sessions): UnusedAssets => {
  const batch = async (sql: string, { after, limit }: BatchOptions, by: 'createdAt' | 'expiringAt', parameters: readonly unknown[]) => {
    const rows = await sessions.run((session) => session.rows(sql, [after?.at ?? null, after?.id ?? null, limit, ...parameters]))
    const assets = rows.map(read)
    const last = assets.at(-1)
    const at = last?.[by] ?? null
    return { assets, next: last === undefined || at === null || assets.length < limit ? null : { at, id: last.id } }
  }
  return {
    unused: ({ days, ...options }) => batch(unused, options, 'createdAt', [days]),
    markExpiring: async (id, { days, graceDays }) => {
      const rows = await sessions.run((session) => session.rows(mark, [id, graceDays, days]))
      return rows.length === 1
    },
    expiring: ({ onlyExpired, ...options }) => batch(expiring, options, 'expiringAt', [onlyExpired]),
    deleteExpired: (id, { graceDays }) =>
      sessions.transaction(async ({ rows }) => {
        const [asset] = await rows(lockExpired, [id])
        if (asset === undefined) return 'waits'
        const [use] = await rows(usedSinceMark, [id, graceDays])
        if (use !== undefined) {
          await rows('update assets set expiring_at = null where id = $1', [id])
          return 'spared'
        }
        await rows('delete from assets where id = $1', [id])
        return 'deleted'
      }),
    noteUse: async (id) => {
      const rows = await sessions.run((session) => session.rows(noteUse, [id]))
      return rows.length === 1
    },
  }
}

/**
 * What makes an asset one that may expire. The access log is asked, too: it does not wait for a row that somebody has locked, so that
 * `last_accessed_at` may lack an access.
 */
const isUnused = (days: string) => `
  upload_id is not null and expiring_at is null and asset_type <> 'lora_training'
  and created_at <= now() - make_interval(days => ${days})
  and (last_accessed_at is null or last_accessed_at <= now() - make_interval(days => ${days}))
  and not exists (select from brand_product_images where brand_product_images.s3_key = assets.s3_key)
  and not exists (
    select from asset_access_log
    where asset_id = assets.id and result = 'granted' and at > now() - make_interval(days => ${days}))`

const unused = `
  select * from assets
  where ($1::timestamptz is null or (created_at, id) > ($1, $2::uuid)) and ${isUnused('$4')}
  order by created_at, id limit $3`

const mark = `
  update assets set expiring_at = now() + make_interval(days => $2)
  where id = $1 and ${isUnused('$3')}
  returning id`

const expiring = `
  select * from assets
  where expiring_at is not null and (expiring_at <= now() or not $4::boolean)
    and ($1::timestamptz is null or (expiring_at, id) > ($1, $2::uuid))
  order by expiring_at, id limit $3`

/** The lock waits for a brand that is just linking the asset, and lets none link it from here on. */
const lockExpired = 'select from assets where id = $1 and expiring_at <= now() for update'

const noteUse = 'update assets set last_accessed_at = now(), expiring_at = null where id = $1 returning id'

/** An access may be in the log alone: it does not wait for a row that somebody has locked. */
const usedSinceMark = `
  select from assets
  where id = $1 and (
    exists (select from brand_product_images where brand_product_images.s3_key = assets.s3_key)
    or exists (
      select from asset_access_log
      where asset_id = assets.id and result = 'granted' and at > assets.expiring_at - make_interval(days => $2)))`
