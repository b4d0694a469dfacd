import type { AssetRecord, AssetRepository } from '@airlock/database'
import { AirlockError } from '@airlock/domain'
import type { ObjectStore } from '@airlock/storage'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import Type from 'typebox'
import { callerOfRequest } from '../plugins/auth.ts'
import { PresignedAsset, presignedAsset } from '../presigned-asset.ts'
import { uuidOf } from './ids.ts'
import { ById, ProblemBody } from './schemas.ts'

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
      disposition: Type.Optional(Type.Enum(['inline', 'attachment'], { description: 'Whether a browser shows the file or saves it' })),
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
          const { expiration_hours: hours = deps.presignHours.default, disposition } = request.query
          return presignedAsset(asset, { hours, disposition }, deps)
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
