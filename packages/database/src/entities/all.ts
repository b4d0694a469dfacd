import { EntitySchema } from 'typeorm'
import { Asset } from './asset.ts'
import { BrandImageList, BrandProductImage } from './brand.ts'
import { momentOfInsert } from './columns.ts'
import { Event } from './event.ts'
import { IdempotencyKey } from './idempotency-key.ts'
import { Purge } from './purge.ts'
import { Upload } from './upload.ts'
import { WebhookDelivery } from './webhook-delivery.ts'

/** An owner of uploads. The table may belong to the surrounding product; Airlock uses only these two columns. */
interface UserRow {
  readonly id: string
  readonly createdAt: Date
}

const User = new EntitySchema<UserRow>({
  name: 'User',
  tableName: 'users',
  columns: {
    id: { type: 'uuid', primary: true },
    createdAt: { ...momentOfInsert, name: 'created_at' },
  },
})

/** All tables that TypeORM maps. The access log is not one: it has no key, and is only used by SQL statements. */
export const entities = [
  User,
  Upload,
  Asset,
  IdempotencyKey,
  Purge,
  BrandImageList,
  BrandProductImage,
  Event,
  WebhookDelivery,
] as unknown as EntitySchema<object>[]
