import { type AssetType, assetKind, assetTypes } from './asset-kinds.ts'
import { extensionOf, safeName } from './filename.ts'
import { type MediaType, mediaTypeOfExtension, mediaTypes } from './media-types.ts'

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** Whether a text is a UUID of any version, in its usual form (RFC 9562, section 4). */
export const isUuid = (text: string): boolean => uuidPattern.test(text)

/** The prefix under which files wait for inspection. Nothing under it is ever served. */
export const quarantinePrefix = 'quarantine/'

/** The quarantine key of an upload: its id, without any text of the user. */
export const quarantineKey = (uploadId: string): string => `${quarantinePrefix}${uploadId}`

/** The key of an object with which a gateway checks the store. It belongs to no upload. @param id of this check */
export const storeCheckKey = (id: string): string => `${quarantinePrefix}check-${id}`

export const isStoreCheckKey = (key: string): boolean => key.startsWith(`${quarantinePrefix}check-`) && isUuid(key.slice(-36))

/** The upload id in a quarantine key, or null when the key is not ours. */
export function uploadIdOfQuarantineKey(key: string): string | null {
  const match = /^quarantine\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(key)
  return match?.[1] ?? null
}

/** The prefix under which the video pipeline stores its files. Only pipelines write there, and nothing under it is ever served. */
export const inboxPrefix = 'pipeline-inbox/'

/** The key of a video in the pipeline's inbox. Its ids are always in lower case. */
export const inboxKey = ({ projectId, uploadId }: InboxIds): string => `${inboxPrefix}${projectId}/${uploadId}.mp4`

/** The ids in an inbox key. */
export interface InboxIds {
  readonly projectId: string
  /** A UUID of any version: the pipeline chooses it. */
  readonly uploadId: string
}

/** The ids in an inbox key, or null when the key is not one that a pipeline may write. */
export function idsOfInboxKey(key: string): InboxIds | null {
  const uuid = '([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})'
  const [, projectId, uploadId] = new RegExp(`^${inboxPrefix}${uuid}/${uuid}\\.mp4$`).exec(key) ?? []
  return projectId === undefined || uploadId === undefined ? null : { projectId, uploadId }
}

/** The id of the upload whose bytes wait at a key, in quarantine or in the inbox; null when the key belongs to neither. */
export const uploadIdOfWaitingKey = (key: string): string | null => uploadIdOfQuarantineKey(key) ?? idsOfInboxKey(key)?.uploadId ?? null

/** The prefixes of the assets' keys, one for each kind. */
export const finalPrefixes: readonly string[] = assetTypes.map((type) => assetKind(type).finalPrefix)

export interface FinalKeyParts {
  uploadId: string
  userId: string
  assetType: AssetType
  projectId: string | null
  brandId: string | null
  filename: string
  /** The media type of the content, if known: the key then ends in one of its extensions, whatever the file is called. */
  mediaType?: MediaType
  acceptedAt: Date
}

/**
 * The key of the asset that an upload becomes. It is fixed at acceptance, so that every attempt of a worker writes to the same key.
 *
 * The eight hex digits are the random end of the upload id (UUID v7, RFC 9562, section 5.7). The id of a pipeline may be of another version;
 * all its digits are then folded into eight.
 *
 * @throws Error when the kind requires a project or a brand and there is none; the doors refuse such uploads
 */
export function finalKey({ uploadId, userId, assetType, projectId, brandId, filename, mediaType, acceptedAt }: FinalKeyParts): string {
  const kind = assetKind(assetType)
  const owners = { project_id: projectId, brand_id: brandId }
  if (kind.requires !== null && owners[kind.requires] === null)
    throw new Error(`upload ${uploadId} has no ${kind.requires}, which its kind requires`)
  const seconds = Math.floor(acceptedAt.getTime() / 1000)
  const stamp = `${seconds}_${eightDigits(uploadId)}`
  return kind.finalKey({ userId, projectId, brandId, stamp, safeName: safeName(named(filename, mediaType)) })
}

/** The name with an extension of its content's type, in place of an extension of another type. */
function named(filename: string, mediaType: MediaType | undefined): string {
  const extension = extensionOf(filename)
  if (mediaType === undefined || mediaTypeOfExtension(extension) === mediaType) return filename
  const stem = extension === '' ? filename : filename.slice(0, -extension.length - 1)
  return `${stem}.${mediaTypes[mediaType].extensions[0]}`
}

/** The UUID versions whose last digits are random; others may end in a MAC address, which thousands of files have in common. */
const randomVersions = ['4', '7']

function eightDigits(uuid: string): string {
  if (randomVersions.includes(uuid.charAt(14))) return uuid.slice(-8)
  const words = uuid.replaceAll('-', '').match(/.{8}/g) ?? []
  const folded = words.reduce((all, word) => all ^ Number.parseInt(word, 16), 0)
  return (folded >>> 0).toString(16).padStart(8, '0')
}
