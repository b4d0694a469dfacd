import { sleep } from '@airlock/async'
import type { AssetType } from '@airlock/domain'
import { Asset, type AssetRecord } from './entities/asset.ts'
import { BrandProductImage } from './entities/brand.ts'
import { rowReader } from './entities/columns.ts'
import { inOrderOf } from './ids.ts'
import type { Sessions, Transaction } from './sessions.ts'
import { codeOf, DatabaseUnavailable } from './unavailable.ts'

export interface BrandImages {
  readonly userId: string
  /** A label of the surrounding product; each user has their own list under it. */
  readonly brandId: string
}

export type Linking =
  | { readonly ok: true; readonly images: AssetRecord[] }
  /** These assets do not exist or are not the user's. Nothing was changed. */
  | { readonly ok: false; readonly missing: string[] }
  /** These assets are not brand images. Nothing was changed. */
  | { readonly ok: false; readonly wrongKind: string[] }

export interface BrandRepository {
  /**
   * Replaces the pictures that a user shows for a brand, in this order. If one of them is deleted concurrently, exactly one of the two happens.
   *
   * @param assetIds 2 to 10 different ids
   * @throws RangeError when there are fewer, more, or one twice
   */
  setProductImages(list: BrandImages & { assetIds: readonly string[] }): Promise<Linking>
  /** The pictures in their order; none when nothing was linked. After forced deletions there may be fewer than two. */
  productImages(list: BrandImages): Promise<AssetRecord[]>
}

const linkable: AssetType = 'brand_image'
const read = rowReader(Asset)

/** The attempts, and the pause between them in ms: a concurrent deletion has ended by then. */
const tries = 40
const pauseMs = 25

export const brandRepository = (sessions: Sessions): BrandRepository => ({
  async setProductImages({ userId, brandId, assetIds }) {
    const ids = assetIds.map((id) => id.toLowerCase())
    if (ids.length < 2 || ids.length > 10) throw new RangeError(`${ids.length} pictures for a brand, but must be 2 to 10`)
    if (new Set(ids).size < ids.length) throw new RangeError('a picture is linked twice')

    for (let tried = 0; tried < tries; tried += 1) {
      const linking = await sessions.transaction((transaction) => link(transaction, { userId, brandId }, ids)).catch(userIsGone(ids))
      if (linking !== 'busy') return linking
      await sleep(pauseMs * (0.5 + Math.random()))
    }
    throw new DatabaseUnavailable('One of the assets was locked by another transaction for too long')
  },

  async productImages({ userId, brandId }) {
    return (await sessions.run(({ rows }) => rows(productImages, [userId, brandId]))).map(read)
  },
})

/**
 * Locks the list, then the assets, and never waits while it holds an asset: the deletion of a user locks them in another order, which could
 * cause a deadlock.
 */
async function link({ rows, entities, undo }: Transaction, { userId, brandId }: BrandImages, ids: string[]): Promise<Linking | 'busy'> {
  await rows(lockList, [userId, brandId])
  const locked = await rows(lockAssets, [ids, userId]).catch((error) => {
    if (codeOf(error) === lockNotAvailable) return null
    throw error
  })
  if (locked === null) {
    undo()
    return 'busy'
  }
  const images = inOrderOf(ids, locked.map(read))
  const found = new Set(images.map(({ id }) => id))
  const missing = ids.filter((id) => !found.has(id))
  const wrongKind = images.filter(({ assetType }) => assetType !== linkable).map(({ id }) => id)
  if (missing.length > 0 || wrongKind.length > 0) {
    undo()
    return { ok: false, ...(missing.length > 0 ? { missing } : { wrongKind }) }
  }
  await entities.delete(BrandProductImage, { userId, brandId })
  const links = images.map(({ s3Key }, i) => ({ userId, brandId, position: i + 1, s3Key }))
  await entities.insert(BrandProductImage, links)
  return { ok: true, images }
}

const lockNotAvailable = '55P03'
const foreignKeyViolation = '23503'

/** A list belongs to a user. If the user does not exist, none of the assets does. */
const userIsGone = (ids: string[]) => (error: unknown) => {
  if (codeOf(error) !== foreignKeyViolation) throw error
  return { ok: false as const, missing: ids }
}

const lockList = `
  insert into brand_image_lists (user_id, brand_id) values ($1, $2)
  on conflict (user_id, brand_id) do update set updated_at = now()`

const lockAssets = 'select * from assets where id = any($1::uuid[]) and user_id = $2 for key share nowait'

const productImages = `
  select assets.* from brand_product_images join assets using (s3_key)
  where brand_product_images.user_id = $1 and brand_product_images.brand_id = $2 order by position`
