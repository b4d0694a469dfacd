import { randomUUID } from 'node:crypto'
import type {
  AssetRecord,
  AssetRepository,
  NewVideo,
  StoredMetadata,
  UploadPriority,
  UploadRecord,
  UploadRepository,
} from '@airlock/database'
import { AirlockError, finalKey, parseFilename, refusal } from '@airlock/domain'
import type { ObjectStore, StoredObject } from '@airlock/storage'
import { emptyQuarantine } from '../empty-quarantine.ts'
import { type Copied, finalCopyOf } from '../final-copy.ts'
import type { Log } from '../log.ts'

/** A video in the pipeline's inbox, as its job announces it. */
export interface AnnouncedVideo {
  uploadId: string
  userId: string
  projectId: string
  /** The inbox key of this project and upload. */
  key: string
  filename: string
  /** 64 hex digits. */
  sha256: string | null
  metadata: StoredMetadata | null
  priority: UploadPriority
}

/** The job does not match the object at its key, or the id is taken. Retrying does not help; the object stays for an operator. */
export class AnnouncementRefused extends Error {
  override name = 'AnnouncementRefused'
}

const dispute = 'disputed: '

/** Job and object name different owners. An operator must decide which is right, so the sweeper does not enqueue it again. */
class AnnouncementDisputed extends AnnouncementRefused {
  constructor(message: string) {
    super(`${dispute}${message}`)
  }
}

/** Whether a job failed with `AnnouncementDisputed`, by the reason that the queue stores. */
export const isDisputed = (reason: string | null): boolean => reason?.startsWith(dispute) ?? false

export interface RegisterVideoDeps {
  uploads: Pick<UploadRepository, 'byId' | 'registerVideo' | 'cancel'>
  assets: Pick<AssetRepository, 'ofUpload'>
  store: Pick<ObjectStore, 'head' | 'purge'>
  log: Log
}

/** `asset`: the upload completed so long ago that its row has been deleted. */
export type RegisteredVideo = { readonly upload: UploadRecord } | { readonly asset: AssetRecord }

const assetType = 'generated_video'
const mediaType = 'video/mp4'

/**
 * Inserts the row of a video in the pipeline's inbox, or finds the existing one: from then on it is an upload like any other, pinned to the
 * current ETag of the object. Repeated and concurrent calls make one row.
 *
 * The job and the object's `x-amz-meta-user-id` must name the same owner. If that user does not exist, the upload is rejected, and its object is
 * removed as that of any rejected upload.
 *
 * @throws AnnouncementRefused  there is no object at the key, it belongs to another user, or the id is taken
 * @throws StoreUnavailable, DatabaseUnavailable  it may be announced again
 */
export async function registerVideo(video: AnnouncedVideo, deps: RegisterVideoDeps): Promise<RegisteredVideo> {
  const known = await deps.uploads.byId(video.uploadId)
  if (known !== null) return { upload: mustBeOf(known, video) }
  const object = await deps.store.head(video.key)
  if (object === null) return alreadyEnded(video, deps)
  mustBelong(object, video)
  const { outcome, upload } = await deps.uploads.registerVideo(asNewVideo(video, object), { needsUser: false })
  if (upload === null) return emptyInbox(video, await assetOf(video, deps), deps)
  if (outcome === 'registered') logRegistered(upload, deps)
  if (outcome === 'ownerless') await deps.uploads.cancel(upload.id, refusal('unknown_user', {}))
  return { upload: mustBeOf(upload, video) }
}

function logRegistered({ id: uploadId, userId, projectId, filename, sizeBytes }: UploadRecord, { log }: RegisterVideoDeps): void {
  log.info({ uploadId, userId, projectId, filename, sizeBytes, step: 'register' }, "video in the pipeline's inbox registered")
}

/** There is no object at the key, which is correct only if the upload has ended. */
async function alreadyEnded(video: AnnouncedVideo, deps: RegisterVideoDeps): Promise<RegisteredVideo> {
  const upload = await deps.uploads.byId(video.uploadId)
  return upload === null ? assetOf(video, deps) : { upload: mustBeOf(upload, video) }
}

async function assetOf(video: AnnouncedVideo, { assets }: RegisterVideoDeps): Promise<{ readonly asset: AssetRecord }> {
  const asset = await assets.ofUpload(video.uploadId)
  if (asset === null) throw new AnnouncementRefused(`no object at ${video.key}: a video must be stored before it is announced`)
  return { asset }
}

/** Removes the inbox object of an existing asset, unless the asset's own object is missing: then it may be the last copy. */
async function emptyInbox(
  { uploadId, key }: AnnouncedVideo,
  { asset }: { readonly asset: AssetRecord },
  deps: RegisterVideoDeps,
): Promise<RegisteredVideo> {
  const copy = await finalCopyOf(copiedAs(asset, uploadId), deps)
  if (copy !== null) await emptyQuarantine({ uploadId, quarantineKey: key }, deps)
  else deps.log.error({ uploadId, assetId: asset.id, key, step: 'register' }, 'asset has no object, its bytes in the inbox kept')
  return { asset }
}

const copiedAs = ({ s3Key, sizeBytes, metadata }: AssetRecord, id: string): Copied => ({
  id,
  finalKey: s3Key,
  sizeBytes,
  contentHash: metadata?.content_hash ?? null,
})

/** @throws AnnouncementRefused when the row of this id is that of another upload */
function mustBeOf(upload: UploadRecord, video: AnnouncedVideo): UploadRecord {
  const differing = [
    ['door', upload.door, 'pipeline'],
    ['key', upload.quarantineKey, video.key],
    ['user', upload.userId, video.userId],
    ['project', upload.projectId, video.projectId],
  ].find(([, theirs, ours]) => theirs !== ours)
  if (differing === undefined) return upload
  const [what, theirs, ours] = differing
  throw new AnnouncementRefused(`upload ${upload.id} is taken: its ${what} is ${theirs}, not ${ours}`)
}

/** @throws AnnouncementRefused when the object's metadata does not name this user */
function mustBelong({ metadata }: StoredObject, { key, userId }: AnnouncedVideo): void {
  const owner = metadata['user-id']
  if (owner === undefined) throw new AnnouncementDisputed(`the object at ${key} has no x-amz-meta-user-id`)
  if (owner.toLowerCase() !== userId)
    throw new AnnouncementDisputed(`the object at ${key} belongs to user ${owner.slice(0, 80)} by its x-amz-meta-user-id, not to ${userId}`)
}

function asNewVideo(video: AnnouncedVideo, { sizeBytes, etag }: StoredObject): NewVideo {
  const { uploadId, userId, projectId } = video
  const filename = usableName(video)
  return {
    id: uploadId,
    userId,
    projectId,
    assetType,
    filename,
    mediaType,
    quarantineKey: video.key,
    source: null,
    finalKey: finalKey({ uploadId, userId, assetType, projectId, brandId: null, filename, acceptedAt: new Date() }),
    sizeBytes,
    etag,
    expectedHash: video.sha256,
    nonce: randomUUID(),
    requestId: null,
    clientMetadata: video.metadata,
    actedBy: null,
    priority: video.priority,
  }
}

function usableName({ filename }: AnnouncedVideo): string {
  try {
    return parseFilename(filename)
  } catch (cause) {
    if (!(cause instanceof AirlockError)) throw cause
    throw new AnnouncementRefused(cause.message, { cause })
  }
}
