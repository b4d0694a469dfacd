import type { EntitySchema } from 'typeorm'
import { Asset } from './asset.ts'
import { BrandImageList } from './brand-image-list.ts'
import { BrandProductImage } from './brand-product-image.ts'
import { Event } from './event.ts'
import { IdempotencyKey } from './idempotency-key.ts'
import { Purge } from './purge.ts'
import { Upload } from './upload.ts'
import { User } from './user.ts'
import { WebhookDelivery } from './webhook-delivery.ts'

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
