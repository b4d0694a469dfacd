import { randomUUID } from 'node:crypto'
import {
  type ClientMetadata,
  type NewVideo,
  type Priority,
  type Source,
  UnknownUser,
  type UploadRecord,
  type UploadRepository,
} from '@airlock/database'
import { AirlockError, assetKind, finalKey, quarantineKey, type SizeLimits } from '@airlock/domain'
import type { JobQueue } from '@airlock/queue'
import { type ObjectStore, type StoredObject, StoreFailure } from '@airlock/storage'
import { v7 as uuidV7 } from 'uuid'
import type { Log } from './log.ts'
import { judgeWaiting } from './measure.ts'

/** A video that a pipeline has in a bucket of its own. */
export interface VideoInBucket {
  /** The caller's choice: the same id again is the same video. Null: a new one. */
  uploadId: string | null
  userId: string
  projectId: string
  source: Source
  /** From `parseFilename`. */
  filename: string
  /** 64 hex digits. */
  sha256: string | null
  metadata: ClientMetadata | null
  priority: Priority
  requestId: string
  /** The service that asked for it. */
  actedBy: string
}

/** Such a video, under the id that it has or gets. */
type NamedVideo = VideoInBucket & { readonly uploadId: string }

export interface AcceptFromBucketDeps {
  uploads: Pick<UploadRepository, 'byId' | 'registerVideo'>
  store: Pick<ObjectStore, 'head' | 'source'>
  jobQueue: Pick<JobQueue, 'enqueue'>
  sizeLimits: SizeLimits
  log: Log
}

/** An accepted video as its row has it, and whether an earlier call had already written it. */
export interface AcceptedVideo {
  readonly upload: UploadRecord
  readonly isRepeated: boolean
}

const assetType = 'generated_video'
const mediaType = 'video/mp4'

/**
 * Accepts a video that lies in another bucket: looks at its size and its first bytes, writes it down pinned to its ETag, then wakes a worker.
 * Nobody sweeps that bucket, so the row comes first; the worker reads the object where it lies, copies it, and leaves it alone.
 *
 * The same id again finds the same row, also when the object is gone by then.
 *
 * @param wanted its bucket is one that Airlock may read from: the caller has looked
 * @throws AirlockError `source_not_found`, `upload_id_taken`, `unknown_user`, or the file's own fault
 * @throws StoreUnavailable, DatabaseUnavailable  the same call may be made again
 */
export async function acceptFromBucket(wanted: VideoInBucket, deps: AcceptFromBucketDeps): Promise<AcceptedVideo> {
  const video = { ...wanted, uploadId: wanted.uploadId ?? uuidV7() }
  const known = wanted.uploadId === null ? null : await deps.uploads.byId(wanted.uploadId)
  if (known !== null) return { upload: mustBeSame(known, video), isRepeated: true }
  const object = await objectOf(video, deps)
  const file = { filename: video.filename, declaredType: mediaType, assetType } as const
  await judgeWaiting(file, deps.store.source(video.source, object), deps.sizeLimits)
  const { outcome, upload } = await deps.uploads.registerVideo(asNewVideo(video, object), { needsUser: true })
  if (outcome === 'unknown user') throw new UnknownUser(video.userId)
  if (upload === null) throw new AirlockError('upload_id_taken', { id: video.uploadId })
  if (outcome === 'registered') await wake(upload, video, deps)
  return { upload: mustBeSame(upload, video), isRepeated: outcome === 'known' }
}

async function wake(
  { id: uploadId, userId, filename, sizeBytes }: UploadRecord,
  video: NamedVideo,
  { jobQueue, log }: AcceptFromBucketDeps,
) {
  const { source, requestId, priority } = video
  log.info({ uploadId, userId, requestId, filename, sizeBytes, source, step: 'accept' }, 'video in another bucket accepted')
  await jobQueue
    .enqueue(assetKind(assetType).lane, { uploadId, requestId, priority })
    .catch((err: unknown) => log.warn({ uploadId, requestId, err }, 'no worker woken, the sweeper will'))
}

/**
 * What may not be read looks to the caller like what is not there; the log says which it is. Without `s3:ListBucket`, S3 itself says no more.
 *
 * @throws AirlockError `source_not_found`
 */
async function objectOf({ source, requestId }: VideoInBucket, { store, log }: AcceptFromBucketDeps): Promise<StoredObject> {
  try {
    const object = await store.head(source)
    if (object !== null) return object
  } catch (err) {
    if (!(err instanceof StoreFailure)) throw err
    log.error({ requestId, source, err, step: 'accept' }, 'source bucket does not give its object')
  }
  throw new AirlockError('source_not_found', source)
}

/** @throws AirlockError `upload_id_taken` */
function mustBeSame(upload: UploadRecord, video: NamedVideo): UploadRecord {
  const isSame =
    upload.userId === video.userId &&
    upload.projectId === video.projectId &&
    upload.source?.bucket === video.source.bucket &&
    upload.source.key === video.source.key
  if (!isSame) throw new AirlockError('upload_id_taken', { id: video.uploadId })
  return upload
}

function asNewVideo(video: NamedVideo, { sizeBytes, etag }: StoredObject): NewVideo {
  const { uploadId, userId, projectId, filename } = video
  return {
    id: uploadId,
    userId,
    projectId,
    assetType,
    filename,
    mediaType,
    quarantineKey: quarantineKey(uploadId),
    source: video.source,
    finalKey: finalKey({ uploadId, userId, assetType, projectId, brandId: null, filename, acceptedAt: new Date() }),
    sizeBytes,
    etag,
    expectedHash: video.sha256,
    nonce: randomUUID(),
    requestId: video.requestId,
    clientMetadata: video.metadata,
    actedBy: video.actedBy,
    priority: video.priority,
  }
}
