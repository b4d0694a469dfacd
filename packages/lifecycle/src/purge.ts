import type { Purge, Purges, UploadRepository } from '@airlock/database'
import { finalPrefixes, isFinal, uploadIdOfWaitingKey } from '@airlock/domain'
import { type ObjectStore, StoreFailure, StoreUnavailable } from '@airlock/storage'
import type { Log } from './log.ts'

export interface PurgeDeps {
  purges: Purges
  uploads: Pick<UploadRepository, 'byIds'>
  store: Pick<ObjectStore, 'head' | 'purge'>
  log: Log
}

export interface PurgeOptions {
  /** The longest call to the store: a copy that was under way at the first deletion has ended after it. */
  againInSeconds: number
  /** For so long what was taken is left to this run. */
  leaseSeconds: number
  /** Ends the run between two objects. */
  signal?: AbortSignal | undefined
}

/** What became of an object. `spared`: it is not ours to remove. `postponed`: it is due again later. */
export type PurgeOutcome = 'removed' | 'finished' | 'spared' | 'postponed'

/** What a run did, a count for each outcome. */
export type PurgeReport = Record<PurgeOutcome, number>

/** Objects that are taken at once (each asks for its upload too), that are under way at once, and batches of one run at most. */
const batchSize = 100
const atOnce = 8
const maxBatches = 100

/**
 * Removes the objects of deleted assets: the object first, then its row moves on, so that a death in between only repeats the removal.
 * Each is removed a second time when the longest call to the store has ended, because a copy of a paused worker may have landed after the
 * first; then its row goes. Several may run at once.
 *
 * @throws DatabaseUnavailable  the rest is due again when its lease has ended
 */
export async function purge(options: PurgeOptions, deps: PurgeDeps): Promise<PurgeReport> {
  const report: PurgeReport = { removed: 0, finished: 0, spared: 0, postponed: 0 }
  for (let batches = 0; batches < maxBatches && !options.signal?.aborted; batches += 1) {
    const due = await deps.purges.due({ limit: batchSize, leaseSeconds: options.leaseSeconds })
    const away = await purgeBatch(due, report, options, deps)
    if (due.length < batchSize || away) break
  }
  return report
}

/** @returns whether the store went away: then the rest of the batch was left */
async function purgeBatch(due: readonly Purge[], report: PurgeReport, options: PurgeOptions, deps: PurgeDeps): Promise<boolean> {
  const alive = await livingUploads(due, deps)
  const waiting = due.values()
  let away = false
  const work = async () => {
    for (const one of waiting) {
      if (away || options.signal?.aborted) return
      const outcome = alive.has(one.uploadId) ? spareLiving(one, deps) : await purgeOne(one, options, deps).catch(orLater(one, deps))
      if (outcome === 'store away') away = true
      report[outcome === 'store away' ? 'postponed' : outcome] += 1
    }
  }
  const results = await Promise.allSettled(Array.from({ length: atOnce }, work))
  const failed = results.find((result) => result.status === 'rejected')
  if (failed) throw failed.reason
  return away
}

/** Uploads that may still put an object under their key. An asset is deleted after its upload is final, so there should be none. */
async function livingUploads(due: readonly Purge[], { uploads }: PurgeDeps): Promise<Set<string>> {
  const ids = [...new Set(due.map(({ uploadId }) => uploadId))]
  const known = ids.length === 0 ? [] : await uploads.byIds(ids)
  return new Set(known.filter(({ state }) => !isFinal(state)).map(({ id }) => id))
}

function spareLiving({ key, uploadId }: Purge, { log }: PurgeDeps): PurgeOutcome {
  log.error({ key, uploadId, step: 'purge' }, 'object to be purged belongs to an upload that is alive, left alone')
  return 'spared'
}

async function purgeOne(one: Purge, { againInSeconds }: PurgeOptions, deps: PurgeDeps): Promise<PurgeOutcome> {
  const { key, uploadId, firstDoneAt } = one
  const spared = !(await removeIfOurs(one, deps))
  if (firstDoneAt === null) {
    await deps.purges.firstDone(key, { againInSeconds })
    if (!spared) deps.log.info({ key, uploadId, step: 'purge' }, 'object of a deleted asset removed')
    return spared ? 'spared' : 'removed'
  }
  await deps.purges.finished(key)
  return spared ? 'spared' : 'finished'
}

/**
 * Removes an object only when it is this upload's: it stands under the upload's own key of quarantine or inbox, or where assets stand and says of
 * itself that it came from this upload.
 *
 * @returns false when it is somebody else's: told to the operators, and left as it is
 */
async function removeIfOurs({ key, uploadId }: Purge, { store, log }: PurgeDeps): Promise<boolean> {
  const object = await store.head(key)
  if (object === null) return true
  const isWaiting = uploadIdOfWaitingKey(key) === uploadId
  const isFinalCopy = object.metadata.upload_id === uploadId && finalPrefixes.some((prefix) => key.startsWith(prefix))
  if (!isWaiting && !isFinalCopy) {
    log.error(
      { key, uploadId, objectUploadId: object.metadata.upload_id ?? null, step: 'purge' },
      'object to be purged is not ours, left alone',
    )
    return false
  }
  await store.purge(key)
  return true
}

/** The row stays, and is due again when its lease has ended. */
const orLater =
  ({ key, uploadId }: Purge, { log }: PurgeDeps) =>
  (err: unknown): PurgeOutcome | 'store away' => {
    if (!(err instanceof StoreUnavailable || err instanceof StoreFailure)) throw err
    log.warn({ key, uploadId, err, step: 'purge' }, 'object of a deleted asset not removed yet, will be tried again')
    return err instanceof StoreUnavailable ? 'store away' : 'postponed'
  }
