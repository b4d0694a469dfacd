import { randomUUID } from 'node:crypto'
import {
  type NewVideo,
  type Source,
  type StoredMetadata,
  UnknownUser,
  type UploadPriority,
  type UploadRecord,
  type UploadRepository,
} from '@airlock/database'
import type { Log } from '@airlock/domain'
import { AirlockError, assetKind, finalKey, quarantineKey, type SizeLimits } from '@airlock/domain'
import type { JobQueue } from '@airlock/queue'
import { type ObjectStore, type StoredObject, StoreFailure } from '@airlock/storage'
import { v7 as uuidV7 } from 'uuid'
import { judgeStored } from '../intake/admission.ts'

/** A video in a bucket of a pipeline. */
export interface VideoInBucket {
  /** Chosen by the caller: the same id is the same video. Null: an id is generated. */
  uploadId: string | null
  userId: string
  projectId: string
  source: Source
  /** From `parseFilename`. */
  filename: string
  /** 64 hex digits. */
  sha256: string | null
  metadata: StoredMetadata | null
  priority: UploadPriority
  requestId: string
  /** The service that sent the request. */
  actedBy: string
}

/** A video whose id is set. */
type NamedVideo = VideoInBucket & { readonly uploadId: string }

export interface AcceptFromBucketDeps {
  uploads: Pick<UploadRepository, 'byId' | 'registerVideo'>
  store: Pick<ObjectStore, 'head' | 'source'>
  jobQueue: Pick<JobQueue, 'enqueue'>
  sizeLimits: SizeLimits
  log: Log
}

/** The row of an accepted video, and whether an earlier call had inserted it. */
export interface AcceptedVideo {
  readonly upload: UploadRecord
  readonly isRepeated: boolean
}

const assetType = 'generated_video'
const mediaType = 'video/mp4'

/**
 * Accepts a video in another bucket: checks its size and its first bytes, inserts a row pinned to its ETag, then enqueues its job.
 * The sweeper does not scan that bucket, so the row is inserted before the job; the worker reads the object in place, copies it, and never
 * changes it.
 *
 * A repeated call with the same id returns the same row, even if the object no longer exists.
 *
 * @param wanted the caller has checked that Airlock may read from its bucket
 * @throws AirlockError `source_not_found`, `upload_id_taken`, `unknown_user`, or a fault of the file
 * @throws StoreUnavailable, DatabaseUnavailable  the call may be repeated
 */
export async function acceptFromBucket(wanted: VideoInBucket, deps: AcceptFromBucketDeps): Promise<AcceptedVideo> {
  const video = { ...wanted, uploadId: wanted.uploadId ?? uuidV7() }
  const known = wanted.uploadId === null ? null : await deps.uploads.byId(wanted.uploadId)
  if (known !== null) return { upload: mustBeSame(known, video), isRepeated: true }
  const object = await objectOf(video, deps)
  const file = { filename: video.filename, declaredType: mediaType, assetType } as const
  const judged = await judgeStored(file, deps.store.source(video.source, object), deps.sizeLimits)
  if (!judged.ok) throw AirlockError.of(judged.refusal)
  const { outcome, upload } = await deps.uploads.registerVideo(asNewVideo(video, object), { needsUser: true })
  if (outcome === 'unknown user') throw new UnknownUser(video.userId)
  if (upload === null) throw new AirlockError('upload_id_taken', { id: video.uploadId })
  if (outcome === 'registered') await enqueue(upload, video, deps)
  return { upload: mustBeSame(upload, video), isRepeated: outcome === 'known' }
}

async function enqueue(
  { id: uploadId, userId, filename, sizeBytes }: UploadRecord,
  video: NamedVideo,
  { jobQueue, log }: AcceptFromBucketDeps,
) {
  const { source, requestId, priority } = video
  log.info({ uploadId, userId, requestId, filename, sizeBytes, source, step: 'accept' }, 'video in another bucket accepted')
  await jobQueue
    .enqueue(assetKind(assetType).lane, { uploadId, requestId, priority })
    .catch((err: unknown) => log.warn({ uploadId, requestId, err }, 'upload not enqueued, the sweeper retries'))
}

/**
 * To the caller, an object that may not be read looks like one that does not exist; the log has the difference. Without `s3:ListBucket`, S3 does
 * not distinguish them either.
 *
 * @throws AirlockError `source_not_found`
 */
async function objectOf({ source, requestId }: VideoInBucket, { store, log }: AcceptFromBucketDeps): Promise<StoredObject> {
  try {
    const object = await store.head(source)
    if (object !== null) return object
  } catch (err) {
    if (!(err instanceof StoreFailure)) throw err
    log.error({ requestId, source, err, step: 'accept' }, 'object in source bucket not readable')
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
