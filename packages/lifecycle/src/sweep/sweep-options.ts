import type { AssetRepository, SweeperLease, UploadRepository } from '@airlock/database'
import type { Log } from '@airlock/domain'
import type { JobQueue } from '@airlock/queue'
import type { ObjectStore } from '@airlock/storage'

/**
 * What the sweeper reports and never repairs: an object that can't be attributed to an ended upload, an asset whose object is missing, and bytes
 * in quarantine that may be the last copy of such an asset.
 */
export type Found = 'unproven_object' | 'vanished_object' | 'last_copy'

export interface SweepDeps {
  uploads: UploadRepository
  assets: AssetRepository
  sweeper: SweeperLease
  store: Pick<ObjectStore, 'head' | 'list' | 'openReceives' | 'purge' | 'abandonReceives'>
  jobQueue: Pick<JobQueue, 'ensureEnqueued' | 'isEnqueued' | 'ensureVideoEnqueued' | 'failureOf'>
  log: Log
  /** Counts what an operator must decide, in each pass that finds it. */
  onFound?: (what: Found, count: number) => void
}

export interface SweepOptions {
  /** How long an accepted upload waits before it is enqueued again. */
  enqueueAfterSeconds: number
  /** How old a video in the pipeline's inbox must be before the sweeper enqueues it. Until then its producer may do so. */
  inboxEnqueueAfterSeconds: number
  /** How long an upload may be `receiving`: the duration of the longest request. */
  receivingForSeconds: number
  /** The duration of the longest call to the store. A write that was sent earlier has landed, or never will. */
  callSeconds: number
  /** How far the clock of Postgres is ahead of this process's clock, in ms. Ages of objects are by that clock. Each sweep measures it. */
  clockAheadMs?: number
  /** The pause between two passes of a rule that scans everything. */
  restSeconds: number
  /** The maximum of removals in one sweep: objects, unfinished uploads, assets and rows together. */
  maxRemovals: number
  /** How long assets must be unused to expire; 0 = never. */
  unusedAssetDays: number
  /** How long an unused asset is marked before it is deleted. */
  graceDays: number
  /** How long the rows of final uploads are kept. */
  uploadRecordDays: number
  /** The duration of the sweep lease. When it expires, another process may sweep. */
  leaseSeconds: number
  /** Skips the sweep if another one ended more recently than this. */
  notWithinSeconds?: number
  /** Logs what it would do, and does nothing. */
  dryRun?: boolean
  /** Ends the sweep between two moves. */
  signal?: AbortSignal | undefined
}
