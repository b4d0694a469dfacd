import type { MediaType } from '@airlock/domain'
import { rowReader } from '../entities/columns.ts'
import { Upload, type UploadPriority } from '../entities/upload.ts'
import type { Sessions } from '../sessions.ts'
import { type Accepted, asRecord, storableText, type UploadRecord } from './record.ts'

/**
 * A video of the pipeline whose bytes are already stored: in the inbox, or in another bucket. The pipeline chooses its id, any UUID in lower case.
 * Its quarantine key is that of the inbox; for a video in another bucket there is no object under it. Its size may be 0, so that the sender sees
 * the upload rejected.
 */
export interface NewVideo
  extends Accepted<'id' | 'userId' | 'assetType' | 'filename' | 'quarantineKey' | 'source' | 'finalKey' | 'sizeBytes' | 'etag'>,
    Pick<UploadRecord, 'expectedHash' | 'nonce' | 'requestId' | 'clientMetadata' | 'actedBy'> {
  readonly projectId: string
  /** The type of its kind; inspection verifies it. */
  readonly mediaType: MediaType
  readonly priority: UploadPriority
}

/**
 * `registered`: this call inserted the row. `known`: an upload with this id exists, perhaps of another user. `asset`: its row has been deleted, but its
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
      const traceparent = outcome === 'registered' ? sessions.tracing?.traceparent() : null
      const [row] = traceparent
        ? await rows(storeTrace, [video.id, traceparent])
        : await rows('select * from uploads where id = $1', [video.id])
      if (row === undefined) throw new Error(`upload ${video.id} is ${outcome}, and has no row`)
      return { outcome, upload: asRecord(read(row)) }
    }),
})

const storeTrace = 'update uploads set traceparent = $2 where id = $1 returning *'

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
