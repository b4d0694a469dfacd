import type { RepeatableRequest, StoredMetadata, UploadRecord, UploadRepository } from '@airlock/database'
import type { Log } from '@airlock/domain'
import { type AssetType, assetKind, finalKey } from '@airlock/domain'
import type { JobQueue } from '@airlock/queue'
import type { ReceivedFile } from './receive.ts'

/** The form's fields, which apply to all its files. */
export interface FormFields {
  assetType: AssetType
  projectId: string | null
  brandId: string | null
  /** The caller's own data about its files, returned unchanged. */
  clientMetadata: StoredMetadata | null
}

/** The form's fields and the request. */
export interface Acceptance extends FormFields {
  requestId: string
  /** The service that acted for the user. */
  actedBy?: string | null
  /** Stores the response in the same transaction, for requests with an idempotency key. */
  idempotency?: RepeatableRequest | undefined
}

export interface AcceptDeps {
  uploads: Pick<UploadRepository, 'accept'>
  jobQueue: Pick<JobQueue, 'enqueue'>
  log: Log
}

/**
 * Accepts the files of a request in one transaction, then enqueues their jobs. The commit is the acceptance: from then on each file
 * ends as an asset, as an explained rejection, or parked with its bytes kept.
 *
 * If Redis is unavailable, the files are accepted as well: the sweeper enqueues them (docs/design.md, invariant 1).
 *
 * @throws UploadNotReceiving  one of the rows has been abandoned; none was accepted
 * @throws IdempotencyLeaseLost  another request with the same key took over; none was accepted
 * @throws DatabaseUnavailable  whether they were accepted is unknown; the client may retry
 */
export async function accept(
  files: readonly ReceivedFile[],
  { requestId, idempotency, actedBy = null, ...fields }: Acceptance,
  { uploads, jobQueue, log }: AcceptDeps,
): Promise<UploadRecord[]> {
  const acceptedAt = new Date()
  const accepted = await uploads.accept(
    files.map((file) => ({
      id: file.uploadId,
      assetType: fields.assetType,
      projectId: fields.projectId,
      brandId: fields.brandId,
      sizeBytes: file.sizeBytes,
      contentHash: file.contentHash,
      etag: file.etag,
      detectedType: file.mediaType,
      finalKey: finalKey({
        ...fields,
        uploadId: file.uploadId,
        userId: file.userId,
        filename: file.filename,
        mediaType: file.mediaType,
        acceptedAt,
      }),
      clientMetadata: fields.clientMetadata,
      actedBy,
    })),
    { idempotency },
  )
  const { lane } = assetKind(fields.assetType)
  await Promise.all(
    accepted.map(async ({ id: uploadId, userId, filename, sizeBytes }) => {
      log.info({ uploadId, userId, requestId, filename, sizeBytes, step: 'accept' }, 'upload accepted')
      await jobQueue
        .enqueue(lane, { uploadId, requestId })
        .catch((err: unknown) => log.warn({ uploadId, requestId, err }, 'upload not enqueued, the sweeper retries'))
    }),
  )
  return accepted
}
