import type { Readable } from 'node:stream'
import { DatabaseUnavailable, type UploadRecord, type UploadRepository } from '@airlock/database'
import type { Log } from '@airlock/domain'
import { AirlockError, asRefusal, type Refusal, refusal } from '@airlock/domain'
import { type ObjectStore, StoreError } from '@airlock/storage'

export interface DiscardDeps {
  uploads: Pick<UploadRepository, 'abandon'>
  store: Pick<ObjectStore, 'purge'>
  /** Is notified when a file no longer counts against its user. */
  counter: { givenBack(userId: string): Promise<void> }
  log: Log
}

/** A file in quarantine whose upload is `receiving`. */
interface QuarantinedFile {
  readonly uploadId: string
  readonly userId: string
  readonly filename: string
  readonly sizeBytes: number
  readonly quarantineKey: string
}

/**
 * Removes a file that is in quarantine but was not accepted, because its form was refused or its client disconnected.
 *
 * The row is moved first, so that an accepted upload is never purged, however late this runs. It never throws; the sweeper retries what failed.
 *
 * @param options.giveBack the fault was ours: the file does not count against the user's hourly limit
 */
export async function discard(
  file: QuarantinedFile,
  why: Refusal,
  options: { giveBack: boolean },
  { uploads, store, counter, log }: DiscardDeps,
): Promise<void> {
  const { uploadId, userId, filename, sizeBytes } = file
  try {
    const abandoned = await uploads.abandon(uploadId, why, options)
    if (options.giveBack) await counter.givenBack(userId)
    if (abandoned) await store.purge(file.quarantineKey)
    log.info({ uploadId, userId, filename, sizeBytes, code: why.code, step: 'discard' }, 'file refused')
  } catch (err) {
    log.warn({ uploadId, code: why.code, err }, 'upload not discarded, the sweeper retries')
  }
}

/** A file that was not received completely. */
interface FailedFile {
  readonly uploadId: string
  readonly userId: string
  readonly requestId: string
  readonly filename: string
  readonly bytes: Readable
  readonly sizeBytes: number
}

/** Records why a file was not received. If that fails as well, the row stays `receiving` and the sweeper abandons it. */
export async function abandonFailed(
  error: unknown,
  { bytes, sizeBytes, ...about }: FailedFile,
  { uploads, counter, log }: Omit<DiscardDeps, 'store'>,
): Promise<void> {
  const { why, giveBack } = reasonOf(error, bytes, about.filename)
  const fields = { ...about, sizeBytes, code: why.code, step: 'receive' }
  log.info(error instanceof AirlockError ? fields : { ...fields, err: error }, 'file not received')
  await uploads.abandon(about.uploadId, why, { giveBack }).catch((err: unknown) => {
    log.warn({ ...about, err }, 'upload not marked as abandoned, the sweeper retries')
  })
  if (giveBack) await counter.givenBack(about.userId)
}

/** Why a file was not received. An interrupted request is the client's fault; all other failures are ours and do not count against the limit. */
function reasonOf(error: unknown, bytes: Readable, filename: string): { why: Refusal; giveBack: boolean } {
  if (error instanceof AirlockError) return { why: asRefusal(error), giveBack: error.isOurs }
  const isInterrupted = bytes.destroyed && !bytes.readableEnded && !(error instanceof StoreError)
  if (isInterrupted) return { why: refusal('upload_interrupted', { filename }), giveBack: false }
  return { why: ourFault(error), giveBack: true }
}

/** The reason of a failure of ours, with the code that its client gets. */
export function ourFault(error: unknown): Refusal {
  if (error instanceof StoreError) return refusal('storage_unavailable', {})
  if (error instanceof DatabaseUnavailable) return refusal('database_unavailable', {})
  return refusal('internal_error', {})
}

interface AbandonDeps {
  uploads: Pick<UploadRepository, 'abandon'>
  store: Pick<ObjectStore, 'abandonReceives' | 'purge'>
}

/**
 * Abandons an upload that never arrived completely, and removes its parts and its object. It does not count against its owner's hourly limit.
 *
 * @returns false when it is no longer `receiving`; nothing was changed
 */
export const abandonStale = (upload: UploadRecord, deps: AbandonDeps): Promise<boolean> =>
  abandonAndEmpty(upload, refusal('upload_interrupted', upload), { giveBack: true }, deps)

/** The same for a direct upload that its client did not complete in time, which counts. */
export const abandonOverdue = (upload: UploadRecord, deps: AbandonDeps): Promise<boolean> =>
  abandonAndEmpty(upload, refusal('upload_expired', upload), { giveBack: false }, deps)

/** The row is moved first, so that only the object of an abandoned upload is purged. */
async function abandonAndEmpty(
  { id, quarantineKey }: UploadRecord,
  why: Refusal,
  options: { giveBack: boolean },
  { uploads, store }: AbandonDeps,
): Promise<boolean> {
  if (!(await uploads.abandon(id, why, options))) return false
  await store.abandonReceives(quarantineKey)
  await store.purge(quarantineKey)
  return true
}
