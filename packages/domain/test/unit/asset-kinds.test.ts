import { expect, test } from 'vitest'
import {
  type AssetType,
  assetKind,
  assetKinds,
  assetTypes,
  defaultSizeLimits,
  finalPrefixes,
  GiB,
  isAssetType,
  isMediaType,
  kindsOf,
  lanes,
  MiB,
  quarantinePrefix,
} from '../../src/index.ts'

const parts = { userId: 'u', projectId: 'p', brandId: 'b', stamp: '1_2', safeName: 'n.x' }

/** The expected table of asset kinds, independent of the code. */
const promised: Record<AssetType, { mediaTypes: string[]; maxBytes: number; key: string; cacheControl: string; lane: string }> = {
  brand_image: {
    mediaTypes: ['image/jpeg', 'image/png', 'image/webp'],
    maxBytes: 10 * MiB,
    key: 'brand-images/u/1_2_n.x',
    cacheControl: 'public, max-age=31536000, immutable',
    lane: 'images',
  },
  generated_video: {
    mediaTypes: ['video/mp4'],
    maxBytes: 500 * MiB,
    key: 'generated-videos/p/1_2_n.x',
    cacheControl: 'no-cache, must-revalidate',
    lane: 'videos',
  },
  lora_training: {
    mediaTypes: ['application/zip'],
    maxBytes: 2 * GiB,
    key: 'lora-training/b/1_2_training_set.zip',
    cacheControl: 'private, max-age=86400',
    lane: 'training',
  },
}

test.for(assetTypes)('%s is as documented', { meta: { id: 'asset-kinds-table' } }, (type, { expect }) => {
  const { mediaTypes, maxBytes, cacheControl, lane, finalKey } = assetKind(type)
  expect({ mediaTypes, maxBytes, cacheControl, lane, key: finalKey(parts) }).toEqual(promised[type])
})

test.for(assetTypes)('the keys of %s have their own prefix, which no other kind and no quarantined object has', (type, { expect }) => {
  const { finalPrefix, finalKey } = assetKind(type)
  expect(finalKey(parts).startsWith(finalPrefix)).toBe(true)
  expect(finalPrefix).toMatch(/^[a-z-]+\/$/)
  const others = [quarantinePrefix, ...assetTypes.filter((other) => other !== type).map((other) => assetKind(other).finalPrefix)]
  for (const other of others) expect(other.startsWith(finalPrefix) || finalPrefix.startsWith(other)).toBe(false)
  expect(finalPrefixes).toContain(finalPrefix)
})

test.for(assetTypes)('%s has known media types, a known lane and a size limit', (type, { expect }) => {
  const { mediaTypes, lane } = assetKind(type)
  expect(mediaTypes.filter((mediaType) => !isMediaType(mediaType))).toEqual([])
  expect(lanes).toContain(lane)
  expect(defaultSizeLimits[type]).toBe(assetKinds[type].maxBytes)
})

test('names in the table are asset types, names of Object.prototype are not', () => {
  expect(assetTypes.every(isAssetType)).toBe(true)
  for (const value of ['toString', '__proto__', 'constructor', 'Brand_Image', '']) expect(isAssetType(value)).toBe(false)
})

test('kindsOf returns the kinds that accept a media type and have an inspector', () => {
  expect(kindsOf('image/webp')).toEqual(['brand_image'])
  expect(kindsOf('video/mp4')).toEqual(['generated_video'])
  expect(kindsOf('application/zip')).toEqual(['lora_training'])
})
