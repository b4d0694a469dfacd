import type { AssetRecord, BrandRepository } from '@airlock/database'
import { AirlockError } from '@airlock/domain'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import Type from 'typebox'
import { callerOfRequest } from '../auth/caller.ts'
import type { AccessRecorder } from '../operations/access-log.ts'
import { type PresignDeps, presignedAsset } from '../responses/asset.ts'
import { ById, failures, Moment, nullable, Uuid } from '../responses/schemas.ts'
import { uuidOf } from './parameters.ts'

export interface BrandRouteDeps extends PresignDeps {
  brands: BrandRepository
  presignHours: { default: number }
  accesses: AccessRecorder
  authenticate: (request: FastifyRequest) => Promise<void>
}

const Links = Type.Object(
  { asset_ids: Type.Array(Uuid, { minItems: 2, maxItems: 10, description: 'Pictures of the caller, in order, without duplicates' }) },
  { title: 'ProductImageChoice' },
)

const ProductImage = Type.Object(
  {
    asset_id: Uuid,
    s3_key: Type.String(),
    s3_url: Type.String(),
    presigned_url: Type.String(),
    expiration_at: Moment,
    original_filename: nullable(Type.String()),
  },
  { title: 'ProductImage', description: 'A picture of a brand, with a URL to read it' },
)

const ProductImages = Type.Object(
  { brand_id: Uuid, product_images: Type.Array(ProductImage, { description: 'In the chosen order; empty if none were chosen' }) },
  { title: 'ProductImages', description: 'The pictures that the caller chose for a brand' },
)

/** The pictures that the caller chose for a brand. A brand id is a label of the surrounding product: each user has a separate list under it. */
export const brandRoutes =
  (deps: BrandRouteDeps): FastifyPluginAsyncTypebox =>
  async (app) => {
    const { brands, authenticate: onRequest } = deps
    const tags = ['brands']
    const response = { 200: ProductImages, ...failures }
    app.removeContentTypeParser(['text/plain', 'multipart/form-data'])

    app.put(
      '/api/brands/:id/product-images',
      {
        onRequest,
        schema: {
          operationId: 'setProductImages',
          summary: 'Set the product images of a brand',
          tags,
          params: ById,
          body: Links,
          response,
        },
      },
      async (request, reply) => {
        reply.header('cache-control', 'no-store')
        const brandId = uuidOf(request.params.id)
        const images = await link(brandId, request.body.asset_ids.map(uuidOf), request, deps)
        return productImages(brandId, images, request, deps)
      },
    )

    app.get(
      '/api/brands/:id/product-images',
      {
        onRequest,
        schema: {
          operationId: 'listProductImages',
          summary: 'List the product images of a brand, with URLs to read them',
          tags,
          params: ById,
          response,
        },
      },
      async (request, reply) => {
        reply.header('cache-control', 'no-store')
        const brandId = uuidOf(request.params.id)
        const images = await brands.productImages({ userId: callerOfRequest(request).id, brandId })
        return productImages(brandId, images, request, deps)
      },
    )
  }

/** @throws AirlockError `asset_repeated`, `assets_not_found`, `not_brand_images` */
async function link(
  brandId: string,
  assetIds: readonly string[],
  request: FastifyRequest,
  { brands, accesses }: BrandRouteDeps,
): Promise<AssetRecord[]> {
  const { id: userId } = callerOfRequest(request)
  const repeated = assetIds.find((id, i) => assetIds.indexOf(id) !== i)
  if (repeated !== undefined) throw new AirlockError('asset_repeated', { id: repeated })

  const linking = await brands.setProductImages({ userId, brandId, assetIds })
  if (linking.ok) {
    for (const assetId of assetIds) accesses.note(request, { assetId, action: 'link' })
    request.log.info({ brandId, userId, images: assetIds.length, step: 'link' }, 'product images of a brand set')
    return linking.images
  }
  const [refusal, ids] =
    'missing' in linking
      ? [new AirlockError('assets_not_found', { ids: linking.missing }), linking.missing]
      : [new AirlockError('not_brand_images', { ids: linking.wrongKind }), linking.wrongKind]
  for (const assetId of ids) accesses.note(request, { assetId, action: 'link' }, refusal.code)
  throw refusal
}

async function productImages(brandId: string, images: readonly AssetRecord[], request: FastifyRequest, deps: BrandRouteDeps) {
  const hours = deps.presignHours.default
  const presigned = await Promise.all(images.map((image) => presignedAsset(image, { hours }, deps)))
  for (const { id: assetId } of images) deps.accesses.note(request, { assetId, action: 'preview', hours })
  return {
    brand_id: brandId,
    product_images: presigned.map(({ asset_id, s3_url, presigned_url, expiration_at, original_filename }, i) => ({
      asset_id,
      s3_key: images[i]?.s3Key ?? '',
      s3_url,
      presigned_url,
      expiration_at,
      original_filename,
    })),
  }
}
