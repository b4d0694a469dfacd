import type { AssetType, MediaType } from '@airlock/domain'
import { rowReader } from '../entities/from-row.ts'
import { Upload } from '../entities/upload.ts'
import type { Sessions } from '../sessions.ts'
import { storableText } from './client-text.ts'
import { asRecord, type ClientMetadata, type Priority, type Source, type UploadRecord } from './record.ts'

/** A video of the pipeline whose bytes are there already: in the inbox, or in another bucket. */
export interface NewVideo {
  /** Any UUID, in lower case: the pipeline chose it. */
  readonly id: string
  readonly userId: string
  readonly projectId: string
  readonly assetType: AssetType
  readonly filename: string
  /** What its kind takes; inspection proves it. */
  readonly mediaType: MediaType
  /** Its inbox key; of what lies in another bucket, a quarantine key where nothing is. */
  readonly quarantineKey: string
  readonly source: Source | null
  readonly finalKey: string
  /** 0 is written down as well, so that its sender sees it rejected. */
  readonly sizeBytes: number
  readonly etag: string
  /** The SHA-256 that its sender announced, 64 hex digits. */
  readonly expectedHash: string | null
  readonly nonce: string
  readonly requestId: string | null
  /** At most 4 KiB of JSON, without NUL and half surrogates, which Postgres can't hold: the door has looked. */
  readonly clientMetadata: ClientMetadata | null
  /** The service that acted for the user. */
  readonly actedBy: string | null
  readonly priority: Priority
}

/**
 * `registered`: this call made the row. `known`: an upload of that id is there, whichever it is. `asset`: its row was forgotten, its asset is
 * there. `unknown user`: nothing was written. `ownerless`: the row was written all the same.
 */
export type VideoRegistration =
  | { readonly outcome: 'registered' | 'known' | 'ownerless'; readonly upload: UploadRecord }
  | { readonly outcome: 'asset' | 'unknown user'; readonly upload: null }

/** What the pipeline's door writes. */
export interface Videos {
  /**
   * Writes down a video as `received`, or finds it. Its owner's `users` row is made when it is missing; the files of the hour are not counted.
   *
   * @param options.needsUser writes nothing when there is no such user and none can be made
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

/** As Postgres says it, and as we do. */
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
