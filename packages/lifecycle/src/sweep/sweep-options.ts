import type { AssetRepository, SweeperLease, UploadRepository } from '@airlock/database'
import type { JobQueue } from '@airlock/queue'
import type { ObjectStore } from '@airlock/storage'
import type { Log } from '../log.ts'

/**
 * What the sweeper finds and never mends: an object that no row proves to be over, an asset whose object is not there, and bytes in quarantine that
 * may be all that is left of such an asset.
 */
export type Found = 'unproven_object' | 'vanished_object' | 'last_copy'

export interface SweepDeps {
  uploads: UploadRepository
  assets: AssetRepository
  sweeper: SweeperLease
  store: Pick<ObjectStore, 'head' | 'list' | 'openReceives' | 'purge' | 'abandonReceives'>
  jobQueue: Pick<JobQueue, 'ensureEnqueued' | 'wouldRing' | 'ensureVideoEnqueued' | 'failureOf'>
  log: Log
  /** Counts what only people can decide about, each time that a pass meets it. */
  onFound?: (what: Found, count: number) => void
}

export interface SweepOptions {
  /** How long an accepted upload may wait before it is rung for again. */
  enqueueAfterSeconds: number
  /** How old a video in the pipeline's inbox must be before it is rung for: its producer rings itself, and says more. */
  inboxEnqueueAfterSeconds: number
  /** How long an upload may be `receiving`: the longest request. */
  receivingForSeconds: number
  /** The longest call to the store: what was sent before that has landed, or never will. */
  callSeconds: number
  /** How much the clock of Postgres is ahead of this process's, in ms: what lies in the store is as old as that clock says. Each sweep asks anew. */
  clockAheadMs?: number
  /** The pause between two passes of a rule that goes through everything. */
  restSeconds: number
  /** What one sweep may delete: objects, unfinished uploads, assets and rows together. */
  maxRemovals: number
  /** Assets that nobody used for so long expire; 0 = never. */
  unusedAssetDays: number
  /** For so long an unused asset is marked before it is deleted. */
  graceDays: number
  /** Final uploads are forgotten after so long. */
  uploadRecordDays: number
  /** A sweeper that is silent for so long is followed by another. */
  leaseSeconds: number
  /** No sweep when another ended less than so long ago. */
  notWithinSeconds?: number
  /** Says what it would do, and does nothing. */
  dryRun?: boolean
  /** Ends the sweep between two moves. */
  signal?: AbortSignal | undefined
}
