import { GiB, MiB } from './bytes.ts'
import type { MediaType } from './media-types.ts'

/** The queues of the asset kinds. Workers for pictures and for videos scale separately. */
export const lanes = ['images', 'videos', 'training'] as const
export type Lane = (typeof lanes)[number]

/** The parts of a final key. All of them are safe in a key: UUIDs, digits, a name from `safeName`. */
export interface KeyParts {
  userId: string
  projectId: string | null
  brandId: string | null
  /** `{unix seconds}_{8 hex}`, different for any two uploads. */
  stamp: string
  safeName: string
}

export interface AssetKind {
  /** The word for one of these files in texts for people. */
  readonly noun: string
  readonly mediaTypes: readonly MediaType[]
  readonly maxBytes: number
  readonly lane: Lane
  /** The inspector that reads the bytes; a kind without an inspector is not accepted (docs/design.md, invariant 3). */
  readonly inspector: 'picture' | 'video' | 'training_set' | null
  /** The form field that a file of this kind requires: it is part of the final key. */
  readonly requires: 'project_id' | 'brand_id' | null
  readonly cacheControl: string
  /** The prefix of the kind's final keys. No other kind uses it. */
  readonly finalPrefix: string
  readonly finalKey: (parts: KeyParts) => string
}

/** The asset kinds that Airlock accepts, one row each. A new kind is a new row here and, for a new format, an inspector. */
export const assetKinds = {
  brand_image: {
    noun: 'picture',
    mediaTypes: ['image/jpeg', 'image/png', 'image/webp'],
    maxBytes: 10 * MiB,
    lane: 'images',
    inspector: 'picture',
    requires: null,
    cacheControl: 'public, max-age=31536000, immutable',
    finalPrefix: 'brand-images/',
    finalKey: ({ userId, stamp, safeName }) => `brand-images/${userId}/${stamp}_${safeName}`,
  },
  generated_video: {
    noun: 'video',
    mediaTypes: ['video/mp4'],
    maxBytes: 500 * MiB,
    lane: 'videos',
    inspector: 'video',
    requires: 'project_id',
    cacheControl: 'no-cache, must-revalidate',
    finalPrefix: 'generated-videos/',
    finalKey: ({ projectId, stamp, safeName }) => `generated-videos/${projectId}/${stamp}_${safeName}`,
  },
  lora_training: {
    noun: 'training set',
    mediaTypes: ['application/zip'],
    maxBytes: 2 * GiB,
    lane: 'training',
    inspector: 'training_set',
    requires: 'brand_id',
    cacheControl: 'private, max-age=86400',
    finalPrefix: 'lora-training/',
    finalKey: ({ brandId, stamp }) => `lora-training/${brandId}/${stamp}_training_set.zip`,
  },
} as const satisfies Record<string, AssetKind>

export type AssetType = keyof typeof assetKinds

export const assetTypes = Object.keys(assetKinds) as AssetType[]

export const isAssetType = (value: string): value is AssetType => Object.hasOwn(assetKinds, value)

export const assetKind = (type: AssetType): AssetKind => assetKinds[type]

/** The maximum size of each kind, in bytes; configuration may set it below or above the table's default. */
export type SizeLimits = Readonly<Record<AssetType, number>>

export const defaultSizeLimits: SizeLimits = {
  brand_image: assetKinds.brand_image.maxBytes,
  generated_video: assetKinds.generated_video.maxBytes,
  lora_training: assetKinds.lora_training.maxBytes,
}

/** The kinds that allow a media type and have an inspector. */
export const kindsOf = (mediaType: MediaType): AssetType[] =>
  assetTypes.filter((type) => assetKind(type).inspector !== null && assetKind(type).mediaTypes.includes(mediaType))
