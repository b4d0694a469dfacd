import type { AssetType, MediaType } from '@airlock/domain'
import { rowReader } from '../entities/from-row.ts'
import { Upload } from '../entities/upload.ts'
import type { Sessions } from '../sessions.ts'
import { storableText } from './client-text.ts'
import { asRecord, type Source, type StoredMetadata, type UploadPriority, type UploadRecord } from './record.ts'

/** A video of the pipeline whose bytes are already stored: in the inbox, or in another bucket. */
export interface NewVideo {
  /** Any UUID in lower case; the pipeline chooses it. */
  readonly id: string
  readonly userId: string
  readonly projectId: string
  readonly assetType: AssetType
  readonly filename: string
  /** The type of its kind; inspection verifies it. */
  readonly mediaType: MediaType
  /** Its inbox key; for a video in another bucket, a quarantine key without an object. */
  readonly quarantineKey: string
  readonly source: Source | null
  readonly finalKey: string
  /** May be 0, so that the sender sees the upload rejected. */
  readonly sizeBytes: number
  readonly etag: string
  /** The SHA-256 that its sender declared, 64 hex digits. */
  readonly expectedHash: string | null
  readonly nonce: string
  readonly requestId: string | null
  /** At most 4 KiB of JSON, without NUL and lone surrogates, which Postgres can't store; the door has checked it. */
  readonly clientMetadata: StoredMetadata | null
  /** The service that acted for the user. */
  readonly actedBy: string | null
  readonly priority: UploadPriority
}

/**
 * `registered`: this call inserted the row. `known`: an upload with this id exists, perhaps of another user. `asset`: its row has been deleted, its
 * asset exists. `unknown user`: nothing was inserted. `ownerless`: the row was inserted although the user is unknown.
 */
export type VideoRegistration =
  | { readonly outcome: 'registered' | 'known' | 'ownerless'; readonly upload: UploadRecord }
  | { readonly outcome: 'asset' | 'unknown user'; readonly upload: null }

/** The registration of the pipeline's videos. */
export interface Videos {
  /**
   * Inserts a video as `received`, or finds its row. A missing `users` row is inserted; the video does not count against the hourly limit.
   *
   * @param options.needsUser inserts nothing when the user does not exist and can't be inserted
   */
  registerVideo(video: NewVideo, options: { needsUser: boolean }): Promise<VideoRegistration>
}

const read = rowReader(Upload)

export const videos = (sessions: Sessions): Videos => ({
  registerVideo: (video, { needsUser }) =>
    sessions.run(async ({ rows }) => {
      const [answer] = await rows('select uploads_register_video($1, $2) as outcome', [JSON.stringify(asColumns(video)), needsUser])
      const outcome = outcomes[answer?.outcome as keyof typeof outcomes]
      if (outcome === 'asset' || outcome === 'unknown user') return { outcome, upload: null }
      const [row] = await rows('select * from uploads where id = $1', [video.id])
      if (row === undefined) throw new Error(`upload ${video.id} is ${outcome}, and has no row`)
      return { outcome, upload: asRecord(read(row)) }
    }),
})

/** The results of the database function, and ours. */
const outcomes = {
  registered: 'registered',
  known: 'known',
  ownerless: 'ownerless',
  asset: 'asset',
  unknown_user: 'unknown user',
} as const

const asColumns = (video: NewVideo) => ({
  id: video.id,
  user_id: video.userId,
  project_id: video.projectId,
  asset_type: video.assetType,
  original_filename: storableText(video.filename, 255),
  declared_type: video.mediaType,
  detected_type: video.mediaType,
  quarantine_key: video.quarantineKey,
  source_bucket: video.source?.bucket ?? null,
  source_key: video.source?.key ?? null,
  final_key: video.finalKey,
  size_bytes: video.sizeBytes,
  etag: video.etag,
  expected_hash: video.expectedHash,
  nonce: video.nonce,
  request_id: video.requestId === null ? null : storableText(video.requestId, 200),
  client_metadata: video.clientMetadata,
  acted_by: video.actedBy,
  priority: video.priority,
})
