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

/** Every table that TypeORM knows. The access log is none: it has no key, and only whole statements touch it. */
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
