import type { DirectUpload, UploadRecord, UploadRepository } from '@airlock/database'
import { UploadNotReceiving } from '@airlock/database'
import { AirlockError, type Log, missingParts, type Refusal, refusal, type SizeLimits } from '@airlock/domain'
import type { JobQueue } from '@airlock/queue'
import { ObjectChanged, ObjectMissing, type ObjectStore, type StoredObject } from '@airlock/storage'
import { judgeStored } from '../intake/admission.ts'
import { emptyQuarantine } from '../upload-objects.ts'
import { accept } from './accept.ts'
import { mustNotBeEnded, partsAddressOf, sizesOf } from './direct-parts.ts'

export interface CompleteDirectDeps {
  uploads: Pick<UploadRepository, 'direct' | 'accept' | 'abandon'>
  store: Pick<ObjectStore, 'arrivedParts' | 'completeParts' | 'head' | 'source' | 'purge'>
  jobQueue: Pick<JobQueue, 'enqueue'>
  sizeLimits: SizeLimits
  log: Log
}

/** An accepted upload, and whether this call accepted it. */
export interface CompletedDirect {
  readonly upload: UploadRecord
  readonly isNew: boolean
}

/**
 * Accepts a file that its client has sent to the bucket: makes its parts one object, checks size and first bytes, and pins the row to the object's
 * ETag. A worker reads the rest. From then on no URL can change the object.
 *
 * We may die after any line; a repeated call continues: a completed object is found by its key. Repeated and concurrent calls give the same answer,
 * that of the row.
 *
 * @throws AirlockError `upload_incomplete`: it is still open; `upload_expired`, or the reason why it was abandoned, `size_mismatch` for example
 * @throws StoreUnavailable, DatabaseUnavailable  the call may be repeated
 */
export async function completeDirect(direct: DirectUpload, requestId: string, deps: CompleteDirectDeps): Promise<CompletedDirect> {
  mustNotBeEnded(direct)
  const { upload } = direct
  if (upload.state !== 'receiving') return { upload, isNew: false }
  try {
    return await completeOpen(upload, requestId, deps)
  } catch (error) {
    // Another call may have completed or ended it, and then the row has the answer.
    if (!mayBeOthers(error)) throw error
    const now = await deps.uploads.direct(upload.id)
    if (now === null) throw error
    if (now.upload.state === 'abandoned') await removeObject(now.upload, deps) // this call may have made it just after it was removed
    mustNotBeEnded(now)
    if (now.upload.state !== 'receiving') return { upload: now.upload, isNew: false }
    throw error instanceof AirlockError ? error : notArrived(upload)
  }
}

/** Errors that a concurrent call, a worker after it, or the sweeper can cause. */
const mayBeOthers = (error: unknown): boolean =>
  error instanceof UploadNotReceiving ||
  error instanceof ObjectChanged ||
  error instanceof ObjectMissing ||
  (error instanceof AirlockError && error.code === 'upload_incomplete')

async function completeOpen(upload: UploadRecord, requestId: string, deps: CompleteDirectDeps): Promise<CompletedDirect> {
  const { filename, declaredType, assetType, declaredBytes, quarantineKey } = upload
  if (assetType === null || declaredBytes === null) throw new Error(`direct upload ${upload.id} has no kind or size`)
  const object = await objectOf(upload, deps)
  const { sizeBytes, etag } = object
  if (sizeBytes !== declaredBytes) {
    return refuse(upload, refusal('size_mismatch', { filename, declaredBytes, storedBytes: sizeBytes }), deps)
  }
  const judged = await judgeStored({ filename, declaredType, assetType }, deps.store.source(quarantineKey, object), deps.sizeLimits)
  if (!judged.ok) return refuse(upload, judged.refusal, deps)
  const { id: uploadId, userId, projectId, brandId, clientMetadata, actedBy } = upload
  const file = { uploadId, userId, filename, declaredType, mediaType: judged.mediaType, quarantineKey, sizeBytes, contentHash: null, etag }
  const [accepted] = await accept([file], { requestId, actedBy, assetType, projectId, brandId, clientMetadata }, deps)
  if (accepted === undefined) throw new Error(`upload ${uploadId} was neither accepted nor refused`)
  return { upload: accepted, isNew: true }
}

/** The stored object. Its parts become one if they have all arrived; otherwise an earlier call may have completed them. */
async function objectOf(upload: UploadRecord, { store }: CompleteDirectDeps): Promise<StoredObject> {
  const address = partsAddressOf(upload)
  const arrived = address === null ? null : await store.arrivedParts(address)
  if (address !== null && arrived !== null) {
    const missing = missingParts(arrived, sizesOf(upload))
    if (missing.length > 0)
      throw new AirlockError('upload_incomplete', { filename: upload.filename, missing: missing.slice(0, 20), count: missing.length })
    await store.completeParts(address, arrived)
  }
  const object = await store.head(upload.quarantineKey)
  if (object === null) throw notArrived(upload)
  return object
}

const notArrived = ({ filename }: UploadRecord) => new AirlockError('upload_incomplete', { filename, missing: [], count: 0 })

/** Ends an upload whose object can't become an asset. The row is moved first, so that an accepted object is never removed. */
async function refuse(upload: UploadRecord, why: Refusal, { uploads, store, log }: CompleteDirectDeps): Promise<never> {
  const { id: uploadId, userId, filename } = upload
  if (!(await uploads.abandon(uploadId, why, { giveBack: false }))) throw new UploadNotReceiving([uploadId])
  log.info({ uploadId, userId, filename, code: why.code, step: 'complete' }, 'file refused')
  await removeObject(upload, { store, log })
  throw AirlockError.of(why)
}

const removeObject = ({ id: uploadId, quarantineKey }: UploadRecord, deps: Pick<CompleteDirectDeps, 'store' | 'log'>): Promise<void> =>
  emptyQuarantine({ uploadId, quarantineKey }, deps)
