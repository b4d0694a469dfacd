import { type AssetType, assetKind, assetTypes } from './asset-kinds.ts'
import { safeName } from './filename.ts'

/** Where files wait for their inspection. Nothing below it is ever served. */
export const quarantinePrefix = 'quarantine/'

/** The quarantine key of an upload: its id and nothing of the user's. */
export const quarantineKey = (uploadId: string): string => `${quarantinePrefix}${uploadId}`

/** The upload id in a quarantine key, or null when the key is not one of ours. */
export function uploadIdOfQuarantineKey(key: string): string | null {
  const match = /^quarantine\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(key)
  return match?.[1] ?? null
}

/** The prefixes below which assets live, one a kind. */
export const finalPrefixes: readonly string[] = assetTypes.map((type) => assetKind(type).finalPrefix)

export interface FinalKeyParts {
  uploadId: string
  userId: string
  assetType: AssetType
  projectId: string | null
  brandId: string | null
  filename: string
  acceptedAt: Date
}

/**
 * The key under which an upload will live when it is an asset. Fixed at acceptance, so that every run of the worker aims at the same one.
 *
 * The eight hex digits are the random end of the upload id (UUID v7, RFC 9562, section 5.7).
 *
 * @throws Error when the kind needs a project or a brand and there is none: a door must have refused that
 */
export function finalKey({ uploadId, userId, assetType, projectId, brandId, filename, acceptedAt }: FinalKeyParts): string {
  const kind = assetKind(assetType)
  const places = { project_id: projectId, brand_id: brandId }
  if (kind.requires !== null && places[kind.requires] === null)
    throw new Error(`upload ${uploadId} has no place without its ${kind.requires}`)
  const seconds = Math.floor(acceptedAt.getTime() / 1000)
  const stamp = `${seconds}_${uploadId.slice(-8)}`
  return kind.finalKey({ userId, projectId, brandId, stamp, safeName: safeName(filename) })
}
