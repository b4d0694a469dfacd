import { Asset } from '../entities/asset.ts'
import type { Sessions } from '../sessions.ts'
import type { AssetRecord } from './record.ts'

export interface AssetRepository {
  /** An asset of any owner; whose it is, the caller judges. */
  byId(id: string): Promise<AssetRecord | null>
  /** What an upload became, or null when it did not (yet). */
  ofUpload(uploadId: string): Promise<AssetRecord | null>
}

export const assetRepository = (sessions: Sessions): AssetRepository => ({
  byId: (id) => sessions.run(({ entities }) => entities.findOneBy(Asset, { id })),
  ofUpload: (uploadId) => sessions.run(({ entities }) => entities.findOneBy(Asset, { uploadId })),
})
