import type { AssetRecord, Claim } from '@airlock/database'
import { ObjectChanged, ObjectMissing, type StoredObject } from '@airlock/storage'
import { emptyQuarantine } from './empty-quarantine.ts'
import { finalCopyOf } from './final-copy.ts'
import { measure } from './measure.ts'
import type { ProcessDeps } from './process-upload.ts'

/**
 * Completes an upload whose waiting bytes are missing, from the copy that an earlier attempt made at its final key: it had become an asset, and
 * then an older database was restored. Nothing is copied; the copy is inspected again, and its hash compared.
 *
 * @param failure why the attempt failed; rethrown when there is no such copy, or it does not pass. Nothing was changed then
 * @throws ClaimLost  a later attempt owns the upload
 */
export async function completeFromCopy(claim: Claim, failure: unknown, signal: AbortSignal, deps: ProcessDeps): Promise<AssetRecord> {
  if (!(failure instanceof ObjectMissing || failure instanceof ObjectChanged)) throw failure
  const { store, uploads, log } = deps
  const { uploadId, userId, finalKey, filename, attempt } = claim
  const copy = await finalCopyOf({ ...claim, id: uploadId }, deps)
  if (copy === null) throw failure
  const verdict = await verdictOf(claim, copy, signal, deps)
  if (verdict === null || (await store.head(finalKey))?.etag !== copy.etag) throw failure
  const asset = await uploads.complete(verdict.claim, verdict)
  const about = { uploadId, userId, filename, attempt, assetId: asset.id, finalKey, step: 'promote' }
  log.warn({ ...about, err: failure }, 'upload completed from its copy at the final key, its waiting bytes are missing')
  await emptyQuarantine(claim, deps)
  return asset
}

/** @returns null when the copy differs from what was accepted, or does not pass */
async function verdictOf(claim: Claim, copy: StoredObject, signal: AbortSignal, deps: ProcessDeps) {
  const { contentHash, expectedHash, finalKey } = claim
  const source = deps.store.source(finalKey, { etag: copy.etag, sizeBytes: copy.sizeBytes, signal })
  const unread = { ...claim, contentHash: null, expectedHash: contentHash ?? expectedHash }
  const measured = await measure(unread, source, signal, deps)
  if (!measured.ok) return null
  const verdict = await deps.inspect(source, measured.claim, signal)
  signal.throwIfAborted()
  return verdict.ok && verdict.mediaType === copy.contentType ? { claim: measured.claim, ...verdict } : null
}
