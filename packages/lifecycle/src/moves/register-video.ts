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
import type { Log } from '@airlock/domain'
import { AirlockError, finalKey, parseFilename, refusal } from '@airlock/domain'
import type { ObjectStore, StoredObject } from '@airlock/storage'
import { type Copied, emptyQuarantine, finalCopyOf } from '../upload-objects.ts'

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

export interface RegisterVideoDeps {
  uploads: Pick<UploadRepository, 'byId' | 'registerVideo' | 'cancel'>
  assets: Pick<AssetRepository, 'ofUpload'>
  store: Pick<ObjectStore, 'head' | 'purge'>
  log: Log
  /** Called with the row that this call has inserted, for metrics. */
  onRegistered?: (upload: UploadRecord) => void
}

export type RegisteredVideo =
  | { readonly outcome: 'registered'; readonly upload: UploadRecord }
  /** The upload completed so long ago that its row has been deleted. */
  | { readonly outcome: 'asset'; readonly asset: AssetRecord }
  | RefusedVideo

/** The job does not match the object at its key, or the id is taken. Retrying does not help; the object stays for an operator. */
export interface RefusedVideo {
  readonly outcome: 'refused'
  readonly reason: string
  /** Job and object name different owners. An operator must decide which is right, so the sweeper does not enqueue it again. */
  readonly isDisputed: boolean
}

const refused = (reason: string, isDisputed = false): RefusedVideo => ({ outcome: 'refused', reason, isDisputed })

const assetType = 'generated_video'
const mediaType = 'video/mp4'

/**
 * Inserts the row of a video in the pipeline's inbox, or finds the existing one: from then on it is an upload like any other, pinned to the
 * current ETag of the object. Repeated and concurrent calls insert one row.
 *
 * The job and the object's `x-amz-meta-user-id` must name the same owner. If that user does not exist, the upload is rejected, and its object is
 * removed as that of any rejected upload.
 *
 * @returns `refused` when there is no object at the key, it belongs to another user, the name is unusable, or the id is taken
 * @throws StoreUnavailable, DatabaseUnavailable  it may be announced again
 */
export async function registerVideo(video: AnnouncedVideo, deps: RegisterVideoDeps): Promise<RegisteredVideo> {
  const known = await deps.uploads.byId(video.uploadId)
  if (known !== null) return ifSame(known, video)
  const object = await deps.store.head(video.key)
  if (object === null) return alreadyEnded(video, deps)
  const dispute = disputeOf(object, video)
  if (dispute !== null) return refused(dispute, true)
  const row = asNewVideo(video, object)
  if (typeof row === 'string') return refused(row)
  const { outcome, upload } = await deps.uploads.registerVideo(row, { needsUser: false })
  if (upload === null) return emptyInbox(video, deps)
  if (outcome === 'registered') {
    logRegistered(upload, deps)
    deps.onRegistered?.(upload)
  }
  if (outcome === 'ownerless') await deps.uploads.cancel(upload.id, refusal('unknown_user', {}))
  return ifSame(upload, video)
}

function logRegistered({ id: uploadId, userId, projectId, filename, sizeBytes }: UploadRecord, { log }: RegisterVideoDeps): void {
  log.info({ uploadId, userId, projectId, filename, sizeBytes, step: 'register' }, "video in the pipeline's inbox registered")
}

/** There is no object at the key, which is correct only if the upload has ended. */
async function alreadyEnded(video: AnnouncedVideo, deps: RegisterVideoDeps): Promise<RegisteredVideo> {
  const upload = await deps.uploads.byId(video.uploadId)
  return upload === null ? assetOf(video, deps) : ifSame(upload, video)
}

async function assetOf({ uploadId, key }: AnnouncedVideo, { assets }: RegisterVideoDeps): Promise<RegisteredVideo> {
  const asset = await assets.ofUpload(uploadId)
  if (asset === null) return refused(`no object at ${key}: a video must be stored before it is announced`)
  return { outcome: 'asset', asset }
}

/** Removes the inbox object of an existing asset, unless the asset's own object is missing: then it may be the last copy. */
async function emptyInbox(video: AnnouncedVideo, deps: RegisterVideoDeps): Promise<RegisteredVideo> {
  const { uploadId, key } = video
  const registered = await assetOf(video, deps)
  if (registered.outcome !== 'asset') return registered
  const { asset } = registered
  const copy = await finalCopyOf(copiedAs(asset, uploadId), deps)
  if (copy !== null) await emptyQuarantine({ uploadId, quarantineKey: key }, deps)
  else deps.log.error({ uploadId, assetId: asset.id, key, step: 'register' }, 'asset has no object, its bytes in the inbox kept')
  return registered
}

const copiedAs = ({ s3Key, sizeBytes, metadata }: AssetRecord, id: string): Copied => ({
  id,
  finalKey: s3Key,
  sizeBytes,
  contentHash: metadata?.content_hash ?? null,
})

/** Refuses a video whose id another upload has. */
function ifSame(upload: UploadRecord, video: AnnouncedVideo): RegisteredVideo {
  const differing = [
    ['door', upload.door, 'pipeline'],
    ['key', upload.quarantineKey, video.key],
    ['user', upload.userId, video.userId],
    ['project', upload.projectId, video.projectId],
  ].find(([, theirs, ours]) => theirs !== ours)
  if (differing === undefined) return { outcome: 'registered', upload }
  const [what, theirs, ours] = differing
  return refused(`upload ${upload.id} is taken: its ${what} is ${theirs}, not ${ours}`)
}

/** Why the object belongs to another user than its job says; null when it belongs to the same. */
function disputeOf({ metadata }: StoredObject, { key, userId }: AnnouncedVideo): string | null {
  const owner = metadata['user-id']
  if (owner === undefined) return `the object at ${key} has no x-amz-meta-user-id`
  if (owner.toLowerCase() === userId) return null
  return `the object at ${key} belongs to user ${owner.slice(0, 80)} by its x-amz-meta-user-id, not to ${userId}`
}

/** @returns a text with the reason when its filename is unusable */
function asNewVideo(video: AnnouncedVideo, { sizeBytes, etag }: StoredObject): NewVideo | string {
  const { uploadId, userId, projectId } = video
  let filename: string
  try {
    filename = parseFilename(video.filename)
  } catch (error) {
    if (!(error instanceof AirlockError)) throw error
    return error.message
  }
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
