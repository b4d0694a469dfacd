import type { AssetRecord, AssetRepository } from '@airlock/database'
import { AirlockError, listedProvenances } from '@airlock/domain'
import type { ObjectStore } from '@airlock/storage'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import Type from 'typebox'
import { callerOfRequest } from '../auth/caller.ts'
import type { AccessRecorder } from '../operations/access-log.ts'
import { AssetBody, assetBody, PresignedAsset, presignedAsset } from '../responses/asset.ts'
import { AssetTypeName, ById, failures, nullable, Uuid } from '../responses/schemas.ts'
import { cursorOf, cursorText, maxCursorLength, momentOf, uuidOf } from './parameters.ts'

export interface AssetRouteDeps {
  assets: AssetRepository
  store: Pick<ObjectStore, 'presign'>
  bucket: string
  presignHours: { default: number; max: number }
  accesses: AccessRecorder
  authenticate: (request: FastifyRequest) => Promise<void>
}

const tags = ['assets']

const DateTime = Type.String({ format: 'date-time', description: 'RFC 3339' })

const Filter = Type.Object({
  asset_type: Type.Optional(AssetTypeName),
  project_id: Type.Optional(Uuid),
  brand_id: Type.Optional(Uuid),
  provenance: Type.Optional(
    Type.Enum([...listedProvenances], { description: 'The state of their content credentials; none: inspected, without credentials' }),
  ),
  ai_generated: Type.Optional(
    Type.Boolean({
      description:
        'What they state about AI: their content credentials where these say it, else their unsigned declarations. Files that do not say are in neither list',
    }),
  ),
  created_after: Type.Optional(DateTime),
  created_before: Type.Optional(DateTime),
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 50, description: 'Assets per page' }),
  cursor: Type.Optional(Type.String({ maxLength: maxCursorLength, description: '`next_cursor` of the previous page' })),
})

const AssetList = Type.Object(
  {
    assets: Type.Array(AssetBody, { description: 'Newest first, without presigned URLs, which /api/assets/{id}/presigned returns' }),
    next_cursor: nullable(Type.String({ description: 'Cursor of the next page, to be used with the same filters; null at the end' })),
  },
  { title: 'AssetList', description: "A page of the caller's assets, newest first" },
)

const Deletion = Type.Object({
  force: Type.Boolean({ default: false, description: 'First remove the asset from the brands that use it' }),
})

export const assetRoutes =
  (deps: AssetRouteDeps): FastifyPluginAsyncTypebox =>
  async (app) => {
    await app.register(presignRoutes(deps))
    const { assets, bucket, accesses, authenticate: onRequest } = deps

    app.get(
      '/api/assets',
      {
        onRequest,
        schema: {
          operationId: 'listAssets',
          summary: 'List the assets of the caller',
          tags,
          querystring: Filter,
          response: { 200: AssetList, ...failures },
        },
      },
      async (request, reply) => {
        reply.header('cache-control', 'no-store')
        const page = await assets.list({ userId: callerOfRequest(request).id, ...listOptions(request.query) })
        return {
          assets: page.assets.map((asset) => assetBody(asset, bucket)),
          next_cursor: page.next === null ? null : cursorText(page.next),
        }
      },
    )

    app.delete(
      '/api/assets/:id',
      {
        onRequest,
        schema: {
          operationId: 'deleteAsset',
          summary: 'Delete an asset',
          tags,
          params: ById,
          querystring: Deletion,
          response: { 204: Type.Null({ description: 'The asset is deleted' }), ...failures },
        },
      },
      async (request, reply) => {
        const id = uuidOf(request.params.id)
        await accesses.watch(request, { assetId: id, action: 'delete' }, () => deleteAsset(id, request.query.force, request, deps))
        return reply.code(204).send(null)
      },
    )
  }

/** An asset with a presigned URL. Both routes return the same. */
const presignRoutes =
  (deps: AssetRouteDeps): FastifyPluginAsyncTypebox =>
  async (app) => {
    const { presignHours, accesses, authenticate: onRequest } = deps
    const Lifetime = Type.Object({
      expiration_hours: Type.Integer({
        minimum: 1,
        maximum: presignHours.max,
        default: presignHours.default,
        description: 'Validity of the URL, in whole hours',
      }),
      disposition: Type.Optional(
        Type.Enum(['inline', 'attachment'], { description: 'Whether a browser displays the file or downloads it' }),
      ),
    })
    const response = { 200: PresignedAsset, ...failures }
    for (const [url, action, operationId, summary] of [
      ['/api/assets/:id', 'read', 'getAsset', 'Get an asset and a URL to read it'],
      ['/api/assets/:id/presigned', 'presign', 'presignAsset', 'Get a URL to read an asset, with a given validity'],
    ] as const) {
      app.get(
        url,
        { onRequest, schema: { operationId, summary, tags, params: ById, querystring: Lifetime, response } },
        async (request, reply) => {
          reply.header('cache-control', 'no-store')
          const id = uuidOf(request.params.id)
          const { expiration_hours: hours, disposition } = request.query
          return accesses.watch(request, { assetId: id, action, hours }, async () =>
            presignedAsset(await ownAsset(id, request, deps), { hours, disposition }, deps),
          )
        },
      )
    }
  }

/** @throws AirlockError `id_malformed`, `cursor_malformed`, `request_malformed` */
const listOptions = (query: Type.Static<typeof Filter>) => ({
  limit: query.limit,
  assetType: query.asset_type,
  projectId: query.project_id === undefined ? null : uuidOf(query.project_id),
  brandId: query.brand_id === undefined ? null : uuidOf(query.brand_id),
  provenance: query.provenance,
  aiGenerated: query.ai_generated,
  createdAfter: query.created_after === undefined ? null : momentOf('created_after', query.created_after),
  createdBefore: query.created_before === undefined ? null : momentOf('created_before', query.created_before),
  before: query.cursor === undefined ? null : cursorOf(query.cursor),
})

/** @throws AirlockError `asset_not_found`, `asset_not_yours` */
async function ownAsset(id: string, request: FastifyRequest, { assets }: AssetRouteDeps): Promise<AssetRecord> {
  const asset = await assets.byId(id)
  if (asset === null) throw new AirlockError('asset_not_found', { id })
  if (asset.userId !== callerOfRequest(request).id) throw new AirlockError('asset_not_yours', { id })
  return asset
}

/** @throws AirlockError `asset_not_found`, `asset_not_yours`, `asset_in_use` */
async function deleteAsset(id: string, force: boolean, request: FastifyRequest, deps: AssetRouteDeps): Promise<void> {
  const { userId, filename, sizeBytes } = await ownAsset(id, request, deps)
  const deletion = await deps.assets.delete(id, { force })
  if (deletion === 'gone') throw new AirlockError('asset_not_found', { id })
  if (deletion === 'in_use') throw new AirlockError('asset_in_use', { id })
  request.log.info({ assetId: id, userId, filename, sizeBytes, force, step: 'delete' }, 'asset deleted')
}
