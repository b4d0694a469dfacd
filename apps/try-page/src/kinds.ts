import type { AssetType } from '@airlock/client'

export interface Kind {
  readonly title: string
  readonly formats: string
  readonly pattern: RegExp
  /** The id that a file of this kind requires. */
  readonly requires: 'projectId' | 'brandId' | null
}

/** The kinds of assets, as the gateway's table of kinds has them. */
export const kinds: Readonly<Record<AssetType, Kind>> = {
  brand_image: { title: 'Picture', formats: 'JPEG, PNG, WebP', pattern: /\.(jpe?g|png|webp)$|^image\//i, requires: null },
  generated_video: { title: 'Video', formats: 'MP4', pattern: /\.(mp4|mov|m4v)$|^video\//i, requires: 'projectId' },
  lora_training: { title: 'Training set', formats: 'ZIP with pictures', pattern: /\.zip$|\/(x-)?zip/i, requires: 'brandId' },
}

export const assetTypes = Object.keys(kinds) as AssetType[]

/** What the user has chosen for the next files. */
export interface Choice {
  /** `auto`: by the name of each file. */
  readonly kind: AssetType | 'auto'
  readonly projectId: string
  readonly brandId: string
}

/** The ids of the examples in the documentation. */
export const firstChoice: Choice = {
  kind: 'auto',
  projectId: '0198c0de-0000-7000-8000-000000000002',
  brandId: '0198c0de-0000-7000-8000-000000000003',
}

/** The kind of a file by its name, or else by its type; a picture if neither says anything, and the gateway then says what is wrong. */
export function kindOf({ name, type }: { name: string; type: string }): AssetType {
  return (
    assetTypes.find((kind) => kinds[kind].pattern.test(name)) ?? assetTypes.find((kind) => kinds[kind].pattern.test(type)) ?? 'brand_image'
  )
}

/** The fields that a file of this kind needs. */
export const fieldsOf = (kind: AssetType, { projectId, brandId }: Choice): { projectId?: string; brandId?: string } => {
  const { requires } = kinds[kind]
  return requires === null ? {} : requires === 'projectId' ? { projectId } : { brandId }
}
