import type { Provenance } from '@airlock/domain'
import { Asset, type AssetRecord } from '../entities/asset.ts'
import { rowReader } from '../entities/columns.ts'
import { atMost, inOrderOf } from '../ids.ts'
import { type Prepared, prepared } from '../prepared.ts'
import type { Sessions, Transaction } from '../sessions.ts'
import { type AssetListOptions, type AssetPage, listAssets } from './list.ts'
import { type UnusedAssets, unusedAssets } from './unused.ts'

/** `gone`: it does not exist. `in_use`: a brand links it; nothing was changed. */
export type AssetDeletion = 'deleted' | 'gone' | 'in_use'

export interface AssetRepository extends UnusedAssets, AssetsByKey {
  /** An asset of any owner; the caller checks whose it is. */
  byId(id: string): Promise<AssetRecord | null>
  /** Assets of any owner, at most 100, in the order of `ids`; unknown ids are skipped. */
  byIds(ids: readonly string[]): Promise<AssetRecord[]>
  /** The asset of an upload, or null when it has none (yet). */
  ofUpload(uploadId: string): Promise<AssetRecord | null>
  /** The assets of at most 100 uploads, in no order; uploads without an asset are skipped. */
  ofUploads(uploadIds: readonly string[]): Promise<AssetRecord[]>
  /** One page of a user's assets, newest first. */
  list(options: AssetListOptions): Promise<AssetPage>
  /**
   * A batch of all assets that came through Airlock, ordered by id.
   *
   * @param options.after the last id of the previous batch; null for the first batch
   * @param options.limit the maximum number of assets
   * @returns fewer than `limit` when there are no more
   */
  batch(options: { after: string | null; limit: number }): Promise<AssetRecord[]>
  /**
   * Replaces the provenance among the facts of an asset that came through Airlock, and nothing else.
   *
   * @param asset as it was read
   * @returns false if the asset is gone, or has another provenance meanwhile; nothing was changed
   */
  setProvenance(asset: AssetRecord, provenance: Provenance): Promise<boolean>
  /**
   * Deletes an asset of any owner. Its object is purged after the commit (see `purges`).
   *
   * @param options.force removes it from the lists of brands first
   */
  delete(id: string, options: { force: boolean }): Promise<AssetDeletion>
}

const read = rowReader(Asset)

const byId = prepared('asset', 'select * from assets where id = $1')
const ofUpload = prepared('asset_of_upload', 'select * from assets where upload_id = $1')

async function one(sessions: Sessions, statement: Prepared, value: string): Promise<AssetRecord | null> {
  const [row] = await sessions.run(({ rows }) => rows(statement, [value]))
  return row === undefined ? null : read(row)
}

export const assetRepository = (sessions: Sessions): AssetRepository => ({
  ...unusedAssets(sessions),
  ...assetsByKey(sessions),
  byId: (id) => one(sessions, byId, id),
  ofUpload: (uploadId) => one(sessions, ofUpload, uploadId),
  ofUploads: async (uploadIds) => {
    if (uploadIds.length === 0) return []
    atMost(100, uploadIds)
    const rows = await sessions.run((session) => session.rows('select * from assets where upload_id = any($1::uuid[])', [uploadIds]))
    return rows.map(read)
  },
  byIds: async (ids) => {
    atMost(100, ids)
    const rows = await sessions.run((session) => session.rows('select * from assets where id = any($1::uuid[])', [ids]))
    return inOrderOf(ids, rows.map(read))
  },
  list: (options) => sessions.run((session) => listAssets(session, options)),
  batch: async ({ after, limit }) => {
    const rows = await sessions.run((session) => session.rows(batch, [after, limit]))
    return rows.map(read)
  },
  setProvenance: async ({ id, s3Key, metadata }, provenance) => {
    const known = metadata?.facts?.provenance
    const values = [id, s3Key, JSON.stringify(provenance), known === undefined ? null : JSON.stringify(known)]
    return (await sessions.run((session) => session.rows(setProvenance, values))).length === 1
  },
  delete: (id, { force }) => sessions.transaction((transaction) => deleteAsset(transaction, id, force)),
})

const batch = `
  select * from assets
  where upload_id is not null and ($1::uuid is null or id > $1::uuid)
  order by id limit $2`

/** Two values of jsonb are equal whatever the order of their fields. */
const setProvenance = `
  update assets set metadata = jsonb_set(metadata, '{facts,provenance}', $3::jsonb)
  where id = $1 and s3_key = $2 and upload_id is not null and jsonb_typeof(metadata->'facts') = 'object'
    and metadata #> '{facts,provenance}' is not distinct from $4::jsonb
  returning id`

/** The lock waits for a transaction that links the asset, and prevents later links: exactly one of the two wins. */
async function deleteAsset({ rows }: Transaction, id: string, force: boolean): Promise<AssetDeletion> {
  const [asset] = await rows('select s3_key from assets where id = $1 for update', [id])
  if (asset === undefined) return 'gone'
  if (force) {
    await rows('delete from brand_product_images where s3_key = $1', [asset.s3_key])
  } else {
    const links = await rows('select from brand_product_images where s3_key = $1 limit 1', [asset.s3_key])
    if (links.length > 0) return 'in_use'
  }
  await rows('delete from assets where id = $1', [id])
  return 'deleted'
}

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

const assetsByKey = (sessions: Sessions): AssetsByKey => ({
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
