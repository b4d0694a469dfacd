import { EntitySchema } from 'typeorm'
import { momentOfInsert } from './columns.ts'

/** The list of pictures that a user shows for a brand. Its row is locked while the list is changed. */
export interface BrandImageListRow {
  readonly userId: string
  readonly brandId: string
  readonly updatedAt: Date
}

export const BrandImageList = new EntitySchema<BrandImageListRow>({
  name: 'BrandImageList',
  tableName: 'brand_image_lists',
  columns: {
    userId: { name: 'user_id', type: 'uuid', primary: true },
    brandId: { name: 'brand_id', type: 'uuid', primary: true },
    updatedAt: { ...momentOfInsert, name: 'updated_at' },
  },
})

/** One picture of a brand and its position. */
export interface BrandProductImageRow {
  readonly userId: string
  readonly brandId: string
  /** From 1; a forced deletion leaves a gap. */
  readonly position: number
  readonly s3Key: string
}

export const BrandProductImage = new EntitySchema<BrandProductImageRow>({
  name: 'BrandProductImage',
  tableName: 'brand_product_images',
  columns: {
    userId: { name: 'user_id', type: 'uuid', primary: true },
    brandId: { name: 'brand_id', type: 'uuid', primary: true },
    position: { type: 'smallint', primary: true },
    s3Key: { name: 's3_key', type: 'text' },
  },
})
