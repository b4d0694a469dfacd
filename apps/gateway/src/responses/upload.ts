import type { UploadRecord } from '@airlock/database'
import { type AirlockError, type AssetType, asRefusal, type JobStatus, jobStatusOf, type Refusal } from '@airlock/domain'
import { FileLimitReached } from '@airlock/lifecycle'
import Type from 'typebox'
import { nullableProvenance } from './provenance.ts'
import { AssetTypeName, FormIndex, Moment, nullable, Reason, RefusedUpload, Status, Uuid } from './schemas.ts'

/** The fields of an accepted file, the same for both doors. */
export const uploadEntry = {
  upload_id: Uuid,
  job_id: Uuid,
  status: Status,
  status_url: Type.String({ description: 'The path of its job' }),
  filename: Type.String(),
  asset_type: AssetTypeName,
  size_bytes: Type.Integer(),
  mime_type: Type.String({ description: 'Detected from the first bytes; the worker verifies it' }),
  content_hash: Type.String({ description: 'SHA-256 in hexadecimal' }),
  created_at: Moment,
}

/** Additional fields for clients that waited. */
const ended = {
  asset_id: Type.Optional(nullable(Uuid)),
  s3_url: Type.Optional(nullable(Type.String())),
  presigned_url: Type.Optional(nullable(Type.String())),
  expiration_at: Type.Optional(nullable(Moment)),
  error: Type.Optional(nullable(Reason)),
  provenance: Type.Optional(nullableProvenance),
}

const Upload = Type.Object(
  { index: FormIndex, ...uploadEntry, ...ended },
  { title: 'Upload', description: 'An accepted file. The last six fields are present if the client waited (Prefer: wait=N)' },
)

/** The entry of a completed direct upload, whose bytes no worker has read yet. */
export const completedEntry = Type.Object(
  {
    index: FormIndex,
    ...uploadEntry,
    content_hash: nullable(Type.String({ description: 'SHA-256 in hexadecimal; null until a worker has read the file' })),
    ...ended,
  },
  { title: 'CompletedUpload', description: 'A completed file. The last six fields are present if the client waited (Prefer: wait=N)' },
)

export const UploadAnswer = Type.Object(
  {
    uploads: Type.Array(Upload, { description: 'The accepted files, in the order of the form' }),
    rejected: Type.Array(RefusedUpload, { description: 'The refused files, in the order of the form' }),
  },
  { title: 'UploadAnswer', description: 'The result for each file; at least one was accepted' },
)
export type UploadAnswer = Type.Static<typeof UploadAnswer>
export type UploadEntry = UploadAnswer['uploads'][number]

/** An accepted file: its index in the form, from 0, and its row. */
export interface AcceptedFile {
  readonly index: number
  readonly upload: UploadRecord
}

/** A file that was not accepted: its index in the form, from 0, and the reason. Its name is null if it was not read. */
export interface RefusedFile extends Refusal {
  readonly index: number
  readonly filename: string | null
  readonly status: number
  /** Only if the hourly limit was the reason. */
  readonly retryAfterSeconds?: number
}

/** The name stays as sent except for NUL: responses of idempotent requests are stored as jsonb, which cannot contain it. */
export function refusedFile(index: number, filename: string | null, error: AirlockError): RefusedFile {
  const retry = error instanceof FileLimitReached ? { retryAfterSeconds: error.retryAfterSeconds } : {}
  return { index, filename: filename?.replaceAll('\0', '\u{fffd}') ?? null, status: error.status, ...asRefusal(error), ...retry }
}

export const uploadAnswer = (accepted: readonly AcceptedFile[], refused: readonly RefusedFile[]): UploadAnswer => ({
  uploads: accepted.map(({ index, upload }) => ({ index, ...asEntry(upload) })),
  rejected: refused.map(({ index, filename, code, error, detail }) => ({ index, filename, code, error, detail })),
})

/** The entry of an accepted upload. Only that of a direct upload may have no hash yet, and its routes have a schema that says so. */
export function asEntry(upload: UploadRecord): Omit<UploadEntry, 'index'> {
  return { ...entryOf(upload), content_hash: upload.contentHash as string }
}

/** The fields that are known of any accepted upload. */
export function entryOf({ id, state, filename, assetType, sizeBytes, detectedType, createdAt }: UploadRecord) {
  return {
    upload_id: id,
    job_id: id,
    status: jobStatusOf(state) as JobStatus,
    status_url: `/api/jobs/${id}`,
    filename,
    asset_type: assetType as AssetType,
    size_bytes: sizeBytes as number,
    mime_type: detectedType as string,
    created_at: createdAt.toISOString(),
  }
}
