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
