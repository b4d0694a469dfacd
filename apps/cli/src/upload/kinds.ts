import { type AssetType, assetKind, assetTypes, type MediaType, mediaTypeOfExtension, mediaTypes } from '@airlock/domain'
import { count, printable } from '../text.ts'
import { extensionOf } from './find-files.ts'

/** The kind of the files with an extension, or null if Airlock takes none. */
export function kindOf(path: string): AssetType | null {
  const mediaType = mediaTypeOfExtension(extensionOf(path))
  return assetTypes.find((type) => mediaType !== null && assetKind(type).mediaTypes.includes(mediaType)) ?? null
}

/** The extensions of the files of a kind, or of all kinds. */
export function extensionsOf(type?: AssetType): string[] {
  const types: readonly MediaType[] = type === undefined ? (Object.keys(mediaTypes) as MediaType[]) : assetKind(type).mediaTypes
  return types.flatMap((mediaType) => [...mediaTypes[mediaType].extensions])
}

/** The option that gives the field which a kind requires. */
const optionOf = { project_id: '--project', brand_id: '--brand' } as const

/** A sentence for each required id that is missing for some of the files. */
export function missingIds(
  files: readonly { path: string; assetType: AssetType }[],
  given: { project?: string; brand?: string },
): string[] {
  const missing = { project_id: given.project === undefined, brand_id: given.brand === undefined }
  return assetTypes.flatMap((type) => {
    const { requires, noun } = assetKind(type)
    const concerned = files.filter(({ assetType }) => assetType === type)
    const [first] = concerned
    if (first === undefined || requires === null || !missing[requires]) return []
    const what = requires.replace('_id', '')
    if (concerned.length > 1) return [`${count(concerned.length, noun)} need ${optionOf[requires]} with the id of their ${what}.`]
    return [`'${printable(first.path)}' is a ${noun}, which needs ${optionOf[requires]} with the id of its ${what}.`]
  })
}

/** What was assumed about the kinds of files: `4 pictures (brand_image), 1 video (generated_video)`. */
export const assumed = (types: readonly AssetType[]): string =>
  assetTypes
    .map((type) => ({ type, files: types.filter((other) => other === type).length }))
    .filter(({ files }) => files > 0)
    .map(({ type, files }) => `${count(files, assetKind(type).noun)} (${type})`)
    .join(', ')
