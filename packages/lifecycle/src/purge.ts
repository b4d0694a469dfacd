import type { DuePurge, Purges, UploadRepository } from '@airlock/database'
import type { Log } from '@airlock/domain'
import { finalPrefixes, isFinal, uploadIdOfWaitingKey } from '@airlock/domain'
import { type ObjectStore, StoreFailure, StoreUnavailable } from '@airlock/storage'

export interface PurgeDeps {
  purges: Purges
  uploads: Pick<UploadRepository, 'byIds'>
  store: Pick<ObjectStore, 'head' | 'purge'>
  log: Log
}

export interface PurgeOptions {
  /** The duration of the longest call to the store: after it, a copy that was running at the first removal has ended. */
  againInSeconds: number
  /** How long the taken rows are reserved for this run. */
  leaseSeconds: number
  /** Ends the run between two objects. */
  signal?: AbortSignal | undefined
}

/** The result for one object. `spared`: it must not be removed. `postponed`: it is due again later. */
export type PurgeOutcome = 'removed' | 'finished' | 'spared' | 'postponed'

/** The number of objects for each outcome. */
export type PurgeReport = Record<PurgeOutcome, number>

/** The maximum of objects in a batch (whose uploads are read in one query), of concurrent removals, and of batches in one run. */
const batchSize = 100
const atOnce = 8
const maxBatches = 100

/**
 * Removes the objects of deleted assets: the object first, then its row is updated, so that a crash in between only repeats the removal.
 * Each object is removed a second time after the longest call to the store has ended, because the copy of a paused worker may have landed after
 * the first removal; then its row is deleted. Several processes may run this at once.
 *
 * @throws DatabaseUnavailable  the rest is due again when its lease has expired
 */
export async function purge(options: PurgeOptions, deps: PurgeDeps): Promise<PurgeReport> {
  const report: PurgeReport = { removed: 0, finished: 0, spared: 0, postponed: 0 }
  for (let batches = 0; batches < maxBatches && !options.signal?.aborted; batches += 1) {
    const due = await deps.purges.due({ limit: batchSize, leaseSeconds: options.leaseSeconds })
    const isUnavailable = await purgeBatch(due, report, options, deps)
    if (due.length < batchSize || isUnavailable) break
  }
  return report
}

/** @returns whether the store became unavailable; the rest of the batch was then skipped */
async function purgeBatch(due: readonly DuePurge[], report: PurgeReport, options: PurgeOptions, deps: PurgeDeps): Promise<boolean> {
  const live = await liveUploads(due, deps)
  const waiting = due.values()
  let isUnavailable = false
  const work = async () => {
    for (const one of waiting) {
      if (isUnavailable || options.signal?.aborted) return
      const outcome = live.has(one.uploadId) ? spareLive(one, deps) : await purgeOne(one, options, deps).catch(orPostpone(one, deps))
      if (outcome === 'store unavailable') isUnavailable = true
      report[outcome === 'store unavailable' ? 'postponed' : outcome] += 1
    }
  }
  const results = await Promise.allSettled(Array.from({ length: atOnce }, work))
  const failed = results.find((result) => result.status === 'rejected')
  if (failed) throw failed.reason
  return isUnavailable
}

/** Uploads that may still write an object to their key. An asset is deleted after its upload is final, so there should be none. */
async function liveUploads(due: readonly DuePurge[], { uploads }: PurgeDeps): Promise<Set<string>> {
  const ids = [...new Set(due.map(({ uploadId }) => uploadId))]
  const known = ids.length === 0 ? [] : await uploads.byIds(ids)
  return new Set(known.filter(({ state }) => !isFinal(state)).map(({ id }) => id))
}

function spareLive({ key, uploadId }: DuePurge, { log }: PurgeDeps): PurgeOutcome {
  log.error({ key, uploadId, step: 'purge' }, 'object to be purged belongs to a live upload, not removed')
  return 'spared'
}

async function purgeOne(one: DuePurge, { againInSeconds }: PurgeOptions, deps: PurgeDeps): Promise<PurgeOutcome> {
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
 * Removes an object only if it belongs to this upload: its key is that of the upload in quarantine or inbox, or it is under a prefix of assets and
 * its metadata names the upload.
 *
 * @returns false when it does not: this is logged, and the object stays
 */
async function removeIfOurs({ key, uploadId }: DuePurge, { store, log }: PurgeDeps): Promise<boolean> {
  const object = await store.head(key)
  if (object === null) return true
  const isWaiting = uploadIdOfWaitingKey(key) === uploadId
  const isFinalCopy = object.metadata.upload_id === uploadId && finalPrefixes.some((prefix) => key.startsWith(prefix))
  if (!isWaiting && !isFinalCopy) {
    log.error(
      { key, uploadId, objectUploadId: object.metadata.upload_id ?? null, step: 'purge' },
      'object to be purged is not ours, not removed',
    )
    return false
  }
  await store.purge(key)
  return true
}

/** The row stays, and is due again when its lease has expired. */
const orPostpone =
  ({ key, uploadId }: DuePurge, { log }: PurgeDeps) =>
  (err: unknown): PurgeOutcome | 'store unavailable' => {
    if (!(err instanceof StoreUnavailable || err instanceof StoreFailure)) throw err
    log.warn({ key, uploadId, err, step: 'purge' }, 'object of a deleted asset not removed, will be retried')
    return err instanceof StoreUnavailable ? 'store unavailable' : 'postponed'
  }
