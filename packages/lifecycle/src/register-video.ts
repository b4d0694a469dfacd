import { randomUUID } from 'node:crypto'
import type { AssetRecord, AssetRepository, ClientMetadata, NewVideo, Priority, UploadRecord, UploadRepository } from '@airlock/database'
import { AirlockError, finalKey, parseFilename, refusal } from '@airlock/domain'
import type { ObjectStore, StoredObject } from '@airlock/storage'
import { emptyQuarantine } from './empty-quarantine.ts'
import { type Copied, finalCopyOf } from './final-copy.ts'
import type { Log } from './log.ts'

/** A video that the pipeline has put into its inbox, as its job announces it. */
export interface AnnouncedVideo {
  uploadId: string
  userId: string
  projectId: string
  /** The inbox key of this project and upload. */
  key: string
  filename: string
  /** 64 hex digits. */
  sha256: string | null
  metadata: ClientMetadata | null
  priority: Priority
}

/** What is announced is not what lies there, or is taken already. No other try mends that; the object stays as it is, for an operator. */
export class AnnouncementRefused extends Error {
  override name = 'AnnouncementRefused'
}

const dispute = 'disputed: '

/** Job and object tell different owners. Which of them is right, only people can tell, so nobody rings for it again. */
class AnnouncementDisputed extends AnnouncementRefused {
  constructor(message: string) {
    super(`${dispute}${message}`)
  }
}

/** Whether a job failed for that, by the reason that its queue keeps. */
export const isDisputed = (reason: string | null): boolean => reason?.startsWith(dispute) ?? false

export interface RegisterVideoDeps {
  uploads: Pick<UploadRepository, 'byId' | 'registerVideo' | 'cancel'>
  assets: Pick<AssetRepository, 'ofUpload'>
  store: Pick<ObjectStore, 'head' | 'purge'>
  log: Log
}

/** `asset`: it is one since long ago, so that its row was forgotten. */
export type RegisteredVideo = { readonly upload: UploadRecord } | { readonly asset: AssetRecord }

const assetType = 'generated_video'
const mediaType = 'video/mp4'

/**
 * Writes down a video that lies in the pipeline's inbox, or finds what was written down before: from then on it is an upload like any other,
 * pinned to the ETag that the object has now. Run again, or by many at once, there is one row.
 *
 * Whose it is, both must say: the job, and the object by `x-amz-meta-user-id`. A video of a user that can't be is rejected, as its sender will
 * read; its object is removed like that of any rejected upload.
 *
 * @throws AnnouncementRefused  nothing is at the key, it is somebody else's, or the id is taken
 * @throws StoreUnavailable, DatabaseUnavailable  it may be announced again
 */
export async function registerVideo(video: AnnouncedVideo, deps: RegisterVideoDeps): Promise<RegisteredVideo> {
  const known = await deps.uploads.byId(video.uploadId)
  if (known !== null) return { upload: mustBeOf(known, video) }
  const object = await deps.store.head(video.key)
  if (object === null) return endedMeanwhile(video, deps)
  mustBelong(object, video)
  const { outcome, upload } = await deps.uploads.registerVideo(asNewVideo(video, object), { needsUser: false })
  if (upload === null) return emptyBehind(video, await assetOf(video, deps), deps)
  if (outcome === 'registered') tellRegistered(upload, deps)
  if (outcome === 'ownerless') await deps.uploads.cancel(upload.id, refusal('unknown_user', {}))
  return { upload: mustBeOf(upload, video) }
}

function tellRegistered({ id: uploadId, userId, projectId, filename, sizeBytes }: UploadRecord, { log }: RegisterVideoDeps): void {
  log.info({ uploadId, userId, projectId, filename, sizeBytes, step: 'register' }, "video of the pipeline's inbox registered")
}

/** Nothing is at the key: that is right only when the video has come to its end. */
async function endedMeanwhile(video: AnnouncedVideo, deps: RegisterVideoDeps): Promise<RegisteredVideo> {
  const upload = await deps.uploads.byId(video.uploadId)
  return upload === null ? assetOf(video, deps) : { upload: mustBeOf(upload, video) }
}

async function assetOf(video: AnnouncedVideo, { assets }: RegisterVideoDeps): Promise<{ readonly asset: AssetRecord }> {
  const asset = await assets.ofUpload(video.uploadId)
  if (asset === null) throw new AnnouncementRefused(`nothing is at ${video.key}: a video is put there before it is announced`)
  return { asset }
}

/** What is in the inbox of an asset goes, unless the object of the asset is gone, as in an older bucket: then it may be the last copy. */
async function emptyBehind(
  { uploadId, key }: AnnouncedVideo,
  { asset }: { readonly asset: AssetRecord },
  deps: RegisterVideoDeps,
): Promise<RegisteredVideo> {
  const copy = await finalCopyOf(copiedAs(asset, uploadId), deps)
  if (copy !== null) await emptyQuarantine({ uploadId, quarantineKey: key }, deps)
  else deps.log.error({ uploadId, assetId: asset.id, key, step: 'register' }, 'asset has no object, its bytes in the inbox are kept')
  return { asset }
}

const copiedAs = ({ s3Key, sizeBytes, metadata }: AssetRecord, id: string): Copied => ({
  id,
  finalKey: s3Key,
  sizeBytes,
  contentHash: metadata?.content_hash ?? null,
})

/** @throws AnnouncementRefused when the row of this id is another upload's */
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

/** @throws AnnouncementRefused when the object does not say that it is this user's */
function mustBelong({ metadata }: StoredObject, { key, userId }: AnnouncedVideo): void {
  const owner = metadata['user-id']
  if (owner === undefined) throw new AnnouncementDisputed(`the object at ${key} has no x-amz-meta-user-id`)
  if (owner.toLowerCase() !== userId)
    throw new AnnouncementDisputed(`the object at ${key} is of user ${owner.slice(0, 80)} by its x-amz-meta-user-id, not of ${userId}`)
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
