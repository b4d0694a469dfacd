import { Asset, type AssetRecord } from '../entities/asset.ts'
import { rowReader } from '../entities/columns.ts'
import type { Sessions } from '../sessions.ts'

/** The end of a batch of assets. */
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
 * Unused assets: not linked by a brand, not a training set, and neither created nor accessed in the last `days`. Only assets that came through Airlock
 * count. They are marked first, and any access removes the mark (`AccessLog.write`).
 */
export interface UnusedAssets {
  /** Assets that have been unused for `days` and are not marked, the oldest first. */
  unused(options: BatchOptions & { days: number }): Promise<AssetBatch>
  /** Marks an asset, if it is unused, to expire after `graceDays`. @returns false when it is in use or already marked */
  markExpiring(id: string, options: { days: number; graceDays: number }): Promise<boolean>
  /** Marked assets, the first to expire first. @param options.onlyExpired only those whose grace time has ended */
  expiring(options: BatchOptions & { onlyExpired: boolean }): Promise<AssetBatch>
  /**
   * Deletes an asset whose grace time has ended, as by its owner; its object is purged after the commit.
   *
   * @returns `spared` when it was used since it was marked; its mark is then removed; `waits` when the time has not ended, or it does not exist
   */
  deleteExpired(id: string, options: { graceDays: number }): Promise<'deleted' | 'spared' | 'waits'>
  /**
   * Records a use of an asset, which also removes its mark. It waits for a running deletion, so that exactly one of the two happens.
   *
   * @returns false when the asset does not exist
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
 * The condition for an asset to expire. The access log is read as well: writing it skips locked assets, so `last_accessed_at` may lack an
 * access.
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

/** The lock waits for a transaction that links the asset, and prevents later links. */
const lockExpired = 'select from assets where id = $1 and expiring_at <= now() for update'

const noteUse = 'update assets set last_accessed_at = now(), expiring_at = null where id = $1 returning id'

/** An access may be in the log only: writing the log skips locked assets. */
const usedSinceMark = `
  select from assets
  where id = $1 and (
    exists (select from brand_product_images where brand_product_images.s3_key = assets.s3_key)
    or exists (
      select from asset_access_log
      where asset_id = assets.id and result = 'granted' and at > assets.expiring_at - make_interval(days => $2)))`
