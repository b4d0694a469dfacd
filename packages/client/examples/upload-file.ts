// node upload-file.ts holiday.jpg
import { Airlock, AirlockError } from '@airlock/client'

const airlock = new Airlock({ baseUrl: process.env.AIRLOCK_URL ?? '', token: process.env.AIRLOCK_TOKEN ?? '' })
try {
  const asset = await airlock.upload(process.argv[2] ?? '', { assetType: 'brand_image' })
  console.log(`asset ${asset.asset_id}, ${asset.size_bytes} bytes`)
} catch (error) {
  console.log(error instanceof AirlockError ? `${error.code}: ${error.detail}` : error)
}
