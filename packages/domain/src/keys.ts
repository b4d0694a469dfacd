import { type AssetType, assetKind, assetTypes } from './asset-kinds.ts'
import { extensionOf, safeName } from './filename.ts'
import { type MediaType, mediaTypeOfExtension, mediaTypes } from './media-types.ts'

/** Where files wait for their inspection. Nothing below it is ever served. */
export const quarantinePrefix = 'quarantine/'

/** The quarantine key of an upload: its id and nothing of the user's. */
export const quarantineKey = (uploadId: string): string => `${quarantinePrefix}${uploadId}`

/** The upload id in a quarantine key, or null when the key is not one of ours. */
export function uploadIdOfQuarantineKey(key: string): string | null {
  const match = /^quarantine\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(key)
  return match?.[1] ?? null
}

/** Where the video pipeline puts its files. Whoever writes there is no user, and nothing below it is ever served. */
export const inboxPrefix = 'pipeline-inbox/'

/** The key of a video in the pipeline's inbox: its ids in lower case, the one spelling that there is. */
export const inboxKey = ({ projectId, uploadId }: InboxPlace): string => `${inboxPrefix}${projectId}/${uploadId}.mp4`

/** What an inbox key says of its video. */
export interface InboxPlace {
  readonly projectId: string
  /** A UUID of any version: the pipeline chose it. */
  readonly uploadId: string
}

/** The ids in an inbox key, or null when the key is none that a pipeline may write. */
export function placeOfInboxKey(key: string): InboxPlace | null {
  const uuid = '([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})'
  const [, projectId, uploadId] = new RegExp(`^${inboxPrefix}${uuid}/${uuid}\\.mp4$`).exec(key) ?? []
  return projectId === undefined || uploadId === undefined ? null : { projectId, uploadId }
}

/** The id of the upload whose waiting bytes stand at a key, in quarantine or in the inbox; null when neither would have such a key. */
export const uploadIdOfWaitingKey = (key: string): string | null => uploadIdOfQuarantineKey(key) ?? placeOfInboxKey(key)?.uploadId ?? null

/** The prefixes below which assets live, one a kind. */
export const finalPrefixes: readonly string[] = assetTypes.map((type) => assetKind(type).finalPrefix)

export interface FinalKeyParts {
  uploadId: string
  userId: string
  assetType: AssetType
  projectId: string | null
  brandId: string | null
  filename: string
  /** What the content is, where that is known: the key ends in an extension of it, whatever the file is called. */
  mediaType?: MediaType
  acceptedAt: Date
}

/**
 * The key under which an upload will live when it is an asset. Fixed at acceptance, so that every run of the worker aims at the same one.
 *
 * The eight hex digits are the random end of the upload id (UUID v7, RFC 9562, section 5.7), or what eight digits tell of an id that a
 * pipeline made in another way.
 *
 * @throws Error when the kind needs a project or a brand and there is none: a door must have refused that
 */
export function finalKey({ uploadId, userId, assetType, projectId, brandId, filename, mediaType, acceptedAt }: FinalKeyParts): string {
  const kind = assetKind(assetType)
  const places = { project_id: projectId, brand_id: brandId }
  if (kind.requires !== null && places[kind.requires] === null)
    throw new Error(`upload ${uploadId} has no place without its ${kind.requires}`)
  const seconds = Math.floor(acceptedAt.getTime() / 1000)
  const stamp = `${seconds}_${eightDigits(uploadId)}`
  return kind.finalKey({ userId, projectId, brandId, stamp, safeName: safeName(named(filename, mediaType)) })
}

/** The name with an extension of its content's type, in place of one that stands for another type. */
function named(filename: string, mediaType: MediaType | undefined): string {
  const extension = extensionOf(filename)
  if (mediaType === undefined || mediaTypeOfExtension(extension) === mediaType) return filename
  const stem = extension === '' ? filename : filename.slice(0, -extension.length - 1)
  return `${stem}.${mediaTypes[mediaType].extensions[0]}`
}

/** The versions of UUIDs that end at random; others may end in the address of a network card, the same for thousands of files. */
const randomVersions = ['4', '7']

function eightDigits(uuid: string): string {
  if (randomVersions.includes(uuid.charAt(14))) return uuid.slice(-8)
  const words = uuid.replaceAll('-', '').match(/.{8}/g) ?? []
  const folded = words.reduce((all, word) => all ^ Number.parseInt(word, 16), 0)
  return (folded >>> 0).toString(16).padStart(8, '0')
}
