import { EntitySchema } from 'typeorm'
import { momentOfInsert } from './columns.ts'

/** That a user shows pictures for a brand; the row is the lock of those who change them. */
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
