import { Airlock } from '@airlock/client'

const airlock = new Airlock({ baseUrl: process.env.AIRLOCK_URL ?? '', token: process.env.AIRLOCK_TOKEN ?? '' })
const { assets } = await airlock.assets.list({ assetType: 'brand_image', limit: 20 })
for (const { asset_id, original_filename } of assets) {
  const { presigned_url } = await airlock.assets.presign(asset_id, { expirationHours: 1 })
  console.log(original_filename, (await fetch(presigned_url)).status)
  await airlock.assets.delete(asset_id)
}
