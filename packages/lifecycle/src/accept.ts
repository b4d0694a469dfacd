import type { RepeatableRequest, UploadRecord, UploadRepository } from '@airlock/database'
import { type AssetType, assetKind, finalKey } from '@airlock/domain'
import type { JobQueue } from '@airlock/queue'
import type { Log } from './log.ts'
import type { ReceivedFile } from './receive.ts'

/** What the form said of all its files. */
export interface FormFields {
  assetType: AssetType
  projectId: string | null
  brandId: string | null
  /** What the caller ties to its files; it comes back unchanged. */
  clientMetadata: Readonly<Record<string, string | number | boolean>> | null
}

/** What else an acceptance carries. */
export interface Acceptance extends FormFields {
  requestId: string
  /** The service that acted for the user. */
  actedBy?: string | null
  /** Writes the answer in the same transaction, for requests that may come again. */
  idempotency?: RepeatableRequest | undefined
}

export interface AcceptDeps {
  uploads: Pick<UploadRepository, 'accept'>
  jobQueue: Pick<JobQueue, 'enqueue'>
  log: Log
}

/**
 * Accepts all good files of a request in one transaction, then wakes the workers. That commit is the acceptance: from then on each file
 * ends as an asset, as an explained rejection, or parked with its bytes kept.
 *
 * When Redis is away the answer is the same: the sweeper rings (docs/design.md, invariant 1).
 *
 * @throws UploadNotReceiving  one of the rows was meanwhile abandoned; none was accepted
 * @throws IdempotencyLeaseLost  somebody else took the repeatable request over; none was accepted
 * @throws DatabaseUnavailable  nobody knows whether they were accepted; the client may try again
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
        .catch((err: unknown) => log.warn({ uploadId, requestId, err }, 'no worker woken, the sweeper will'))
    }),
  )
  return accepted
}
