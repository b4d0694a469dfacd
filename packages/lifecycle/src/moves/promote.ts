import type { AssetRecord, UploadRepository } from '@airlock/database'
import type { Log } from '@airlock/domain'
import { type Accepted, assetKind } from '@airlock/domain'
import type { FinalHeaders, ObjectStore } from '@airlock/storage'
import type { MeasuredClaim } from '../intake/measure.ts'
import { emptyQuarantine, sourceAddress } from '../upload-objects.ts'

export interface PromoteDeps {
  uploads: Pick<UploadRepository, 'complete'>
  store: Pick<ObjectStore, 'copyToFinal' | 'purge'>
  log: Log
}

/**
 * Moves a claimed and inspected upload to its final key and makes it an asset.
 *
 * We may die after any line. So the object is copied before a row names it, and the quarantined object is removed
 * only after that row is committed. Repeated and concurrent runs have the same result: the final key was fixed
 * at acceptance, and only one claim can complete the row.
 *
 * @throws ObjectChanged, ObjectMissing  the quarantined bytes are no longer the ones that were inspected
 * @throws ClaimLost  a later attempt owns the upload; the database was not changed
 */
export async function promote(
  claim: MeasuredClaim,
  verdict: Accepted,
  signal: AbortSignal,
  { store, uploads, log }: PromoteDeps,
): Promise<AssetRecord> {
  const { finalKey, etag, sizeBytes } = claim
  await store.copyToFinal(sourceAddress(claim), finalKey, { ifEtag: etag, sizeBytes, headers: finalHeaders(claim, verdict), signal })
  signal.throwIfAborted()
  const asset = await uploads.complete(claim, verdict)
  await emptyQuarantine(claim, { store, log })
  return asset
}

/** Headers and metadata of a final object. They come from inspection and the row, not from the client, and have no personal data. */
export function finalHeaders(claim: MeasuredClaim, { mediaType }: Accepted): FinalHeaders {
  return {
    contentType: mediaType,
    cacheControl: assetKind(claim.assetType).cacheControl,
    metadata: {
      uploaded_by: claim.userId,
      upload_timestamp: claim.receivedAt.toISOString(),
      content_hash: claim.contentHash,
      asset_type: claim.assetType,
      upload_id: claim.uploadId,
    },
  }
}
