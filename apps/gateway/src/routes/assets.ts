import type { AssetRecord, AssetRepository } from '@airlock/database'
import { AirlockError } from '@airlock/domain'
import type { ObjectStore } from '@airlock/storage'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import Type from 'typebox'
import { callerOfRequest } from '../plugins/auth.ts'
import { uuidOf } from './ids.ts'
import { ById, Moment, ProblemBody, Uuid } from './schemas.ts'

const PresignedAsset = Type.Object({
  asset_id: Uuid,
  s3_url: Type.String(),
  presigned_url: Type.String(),
  expiration_at: Moment,
  original_filename: Type.Union([Type.String(), Type.Null()]),
  size_bytes: Type.Union([Type.Integer(), Type.Null()]),
  mime_type: Type.Union([Type.String(), Type.Null()]),
  asset_type: Type.Union([Type.String(), Type.Null()]),
  project_id: Type.Union([Uuid, Type.Null()]),
  brand_id: Type.Union([Uuid, Type.Null()]),
  content_hash: Type.Union([Type.String(), Type.Null()]),
  created_at: Moment,
})

export interface AssetRouteDeps {
  assets: AssetRepository
  store: Pick<ObjectStore, 'presign'>
  bucket: string
  presignHours: { default: number; max: number }
  authenticate: (request: FastifyRequest) => Promise<void>
}

/** An asset and a URL that reads it; both routes answer the same, the second by its purpose's name. */
export const assetRoutes =
  (deps: AssetRouteDeps): FastifyPluginAsyncTypebox =>
  async (app) => {
    const Lifetime = Type.Object({
      expiration_hours: Type.Optional(
        Type.Integer({ minimum: 1, maximum: deps.presignHours.max, description: 'Life of the URL, in whole hours' }),
      ),
    })
    for (const [url, summary] of Object.entries({
      '/api/assets/:id': 'An asset and a URL to read it',
      '/api/assets/:id/presigned': 'A URL to read an asset, for as long as asked',
    })) {
      app.get(
        url,
        {
          onRequest: deps.authenticate,
          schema: {
            summary,
            params: ById,
            querystring: Lifetime,
            response: { 200: PresignedAsset, '4xx': ProblemBody, '5xx': ProblemBody },
          },
        },
        async (request, reply) => {
          const asset = await ownAsset(uuidOf(request.params.id), request, deps)
          reply.header('cache-control', 'no-store')
          return presigned(asset, request.query.expiration_hours ?? deps.presignHours.default, deps)
        },
      )
    }
  }

async function ownAsset(id: string, request: FastifyRequest, { assets }: AssetRouteDeps): Promise<AssetRecord> {
  const asset = await assets.byId(id)
  if (asset === null) throw new AirlockError('asset_not_found', { id })
  if (asset.userId !== callerOfRequest(request).id) throw new AirlockError('asset_not_yours', { id })
  return asset
}

async function presigned(asset: AssetRecord, hours: number, { store, bucket }: AssetRouteDeps) {
  const { url, expiresAt } = await store.presign(asset.s3Key, { expiresInSeconds: hours * 3600, filename: asset.filename ?? undefined })
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
    created_at: asset.createdAt.toISOString(),
  }
}
