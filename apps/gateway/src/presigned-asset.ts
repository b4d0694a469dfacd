import type { AssetRecord } from '@airlock/database'
import type { ObjectStore, PresignOptions } from '@airlock/storage'
import Type from 'typebox'
import { Moment, nullable, Uuid } from './routes/schemas.ts'

/** An asset as clients see it, with a URL that reads it. */
export const PresignedAsset = Type.Object({
  asset_id: Uuid,
  s3_url: Type.String(),
  presigned_url: Type.String(),
  expiration_at: Moment,
  original_filename: nullable(Type.String()),
  size_bytes: nullable(Type.Integer()),
  mime_type: nullable(Type.String()),
  asset_type: nullable(Type.String()),
  project_id: nullable(Uuid),
  brand_id: nullable(Uuid),
  content_hash: nullable(Type.String({ description: 'SHA-256 in hexadecimal' })),
  metadata: nullable(Type.Record(Type.String(), Type.Unknown(), { description: 'What the caller gave with the upload' })),
  created_at: Moment,
})
export type PresignedAsset = Type.Static<typeof PresignedAsset>

export interface PresignWish {
  /** Life of the URL in hours. */
  hours: number
  disposition?: PresignOptions['disposition']
}

/** @returns the asset with a URL of its own; `expiration_at` is when that URL really stops working */
export async function presignedAsset(
  asset: AssetRecord,
  { hours, disposition }: PresignWish,
  { store, bucket }: { store: Pick<ObjectStore, 'presign'>; bucket: string },
): Promise<PresignedAsset> {
  const { url, expiresAt } = await store.presign(asset.s3Key, {
    expiresInSeconds: hours * 3600,
    disposition,
    filename: asset.filename ?? undefined,
  })
  return {
    asset_id: asset.id,
    s3_url: `s3://${bucket}/${asset.s3Key}`,
    presigned_url: url,
    expiration_at: expiresAt.toISOString(),
    original_filename: asset.filename,
    size_bytes: asset.sizeBytes,
    mime_type: asset.mediaType,
    asset_type: asset.assetType,
    project_id: asset.projectId,
    brand_id: asset.brandId,
    content_hash: asset.metadata?.content_hash ?? null,
    metadata: asset.metadata?.client ?? null,
    created_at: asset.createdAt.toISOString(),
  }
}
