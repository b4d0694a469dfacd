import type { AssetRecord, AssetRepository } from '@airlock/database'
import { AirlockError, readProvenance } from '@airlock/domain'
import type { ObjectStore, PresignOptions } from '@airlock/storage'
import Type from 'typebox'
import { nullableProvenance } from './provenance.ts'
import { Metadata, Moment, nullable, Uuid } from './schemas.ts'

const fields = {
  asset_id: Uuid,
  s3_url: Type.String({ description: 's3://bucket/key' }),
  original_filename: nullable(Type.String()),
  size_bytes: nullable(Type.Integer()),
  mime_type: nullable(Type.String()),
  asset_type: nullable(Type.String()),
  project_id: nullable(Uuid),
  brand_id: nullable(Uuid),
  content_hash: nullable(Type.String({ description: 'SHA-256 in hexadecimal' })),
  metadata: nullable(Metadata),
  provenance: nullableProvenance,
  created_at: Moment,
}

/** An asset as clients see it. */
export const AssetBody = Type.Object(fields, { title: 'Asset', description: 'An asset' })
export type AssetBody = Type.Static<typeof AssetBody>

/** An asset with a URL that reads it. */
export const PresignedAsset = Type.Object(
  { ...fields, presigned_url: Type.String({ description: 'Reads the file without a token' }), expiration_at: Moment },
  { title: 'PresignedAsset', description: 'An asset with a URL to read it until `expiration_at`' },
)
export type PresignedAsset = Type.Static<typeof PresignedAsset>

export interface PresignRequest {
  /** Validity of the URL, in hours. */
  hours: number
  disposition?: PresignOptions['disposition']
}

export interface PresignDeps {
  assets: Pick<AssetRepository, 'noteUse'>
  store: Pick<ObjectStore, 'presign'>
  bucket: string
}

export const assetBody = (asset: AssetRecord, bucket: string): AssetBody => ({
  asset_id: asset.id,
  s3_url: `s3://${bucket}/${asset.s3Key}`,
  original_filename: asset.filename,
  size_bytes: asset.sizeBytes,
  mime_type: asset.mediaType,
  asset_type: asset.assetType,
  project_id: asset.projectId,
  brand_id: asset.brandId,
  content_hash: asset.metadata?.content_hash ?? null,
  metadata: asset.metadata?.client ?? null,
  provenance: readProvenance(asset.metadata?.facts?.provenance),
  created_at: asset.createdAt.toISOString(),
})

/**
 * @returns the asset with a URL; `expiration_at` is when that URL actually stops working
 * @throws AirlockError `asset_not_found` when the sweeper has just deleted it as unused
 */
export async function presignedAsset(
  asset: AssetRecord,
  { hours, disposition }: PresignRequest,
  { assets, store, bucket }: PresignDeps,
): Promise<PresignedAsset> {
  if (mayBeUnused(asset) && !(await assets.noteUse(asset.id))) throw new AirlockError('asset_not_found', { id: asset.id })
  const { url, expiresAt } = await store.presign(asset.s3Key, {
    expiresInSeconds: hours * 3600,
    disposition,
    filename: asset.filename ?? undefined,
  })
  return { ...assetBody(asset, bucket), presigned_url: url, expiration_at: expiresAt.toISOString() }
}

/** Half of the shortest time after which an asset counts as unused, so that a wrong clock on this gateway does not matter. */
const certainlyUsedForMs = 12 * 3_600_000

/**
 * Whether the sweeper might consider this asset unused, now or before the access log is written. Then its use must be recorded before a URL is
 * issued; an asset that is in use does not need that statement.
 */
const mayBeUnused = ({ expiringAt, lastAccessedAt, createdAt }: AssetRecord): boolean =>
  expiringAt !== null || Date.now() - Math.max(createdAt.getTime(), lastAccessedAt?.getTime() ?? 0) > certainlyUsedForMs
