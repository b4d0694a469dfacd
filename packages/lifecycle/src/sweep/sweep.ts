import type { Batch, Cursor, UploadRecord, UploadRepository } from '@airlock/database'
import { assetKind, refusal } from '@airlock/domain'
import { type Bell, BellUnreachable } from '@airlock/queue'
import type { ObjectStore } from '@airlock/storage'
import type { Log } from '../log.ts'

export interface SweepDeps {
  uploads: UploadRepository
  store: Pick<ObjectStore, 'purge' | 'abandonReceives'>
  bell: Pick<Bell, 'ringAgain'>
  log: Log
}

export interface SweepOptions {
  /** How long an accepted upload may wait before it is rung for again. */
  ringAfterSeconds: number
  /** How long an upload may be `receiving`: the longest request. */
  receivingForSeconds: number
  /** Says what it would do, and does nothing. */
  dryRun?: boolean
}

/** What a sweep did, a count for each rule. */
export type SweepReport = Record<keyof typeof rules, number>

/** How many uploads are read at once, and how many batches one rule goes through in one sweep: the rest comes next time. */
const batchSize = 200
const maxBatches = 50

/** So many uploads in a row that could not be rung for mean that Redis is away: the rest comes with the next sweep, too. */
const maxUnheard = 3

/** What became of one upload. `unheard`: the bell could not be reached. */
type Moved = 'moved' | 'nothing to do' | 'unheard'

interface Rule {
  readonly finds: (deps: SweepDeps, options: SweepOptions, after: Cursor | null) => Promise<Batch>
  readonly moves: (upload: UploadRecord, deps: SweepDeps) => Promise<Moved>
  readonly says: string
}

/** Uploads that stopped moving, and what gets each of them moving again. */
const rules = {
  waiting: {
    finds: ({ uploads }, { ringAfterSeconds }, after) => uploads.waiting({ olderThanSeconds: ringAfterSeconds, limit: batchSize, after }),
    moves: ringFor,
    says: 'upload waits without a job, rung again',
  },
  lapsed: {
    finds: ({ uploads }, _options, after) => uploads.lapsed({ limit: batchSize, after }),
    moves: ringFor,
    says: "worker's lease ran out, rung again",
  },
  stale: {
    finds: ({ uploads }, { receivingForSeconds }, after) =>
      uploads.stale({ olderThanSeconds: receivingForSeconds, limit: batchSize, after }),
    moves: abandonStale,
    says: 'upload never finished arriving, abandoned',
  },
} as const satisfies Record<string, Rule>

type RuleName = keyof typeof rules

/**
 * Finds uploads which stopped moving and gets them moving again. Several may run at once: every move is one that may happen twice.
 *
 * @throws DatabaseUnavailable, StoreUnavailable  the rest comes with the next sweep
 */
export async function sweep(options: SweepOptions, deps: SweepDeps): Promise<SweepReport> {
  const report: SweepReport = { waiting: 0, lapsed: 0, stale: 0 }
  for (const name of Object.keys(rules) as RuleName[]) report[name] = await applyRule(name, options, deps)
  return report
}

async function applyRule(name: RuleName, options: SweepOptions, deps: SweepDeps): Promise<number> {
  const { finds, moves, says }: Rule = rules[name]
  const dryRun = options.dryRun === true
  let moved = 0
  let unheard = 0
  let after: Cursor | null = null
  for (let batches = 0; batches < maxBatches; batches += 1) {
    const batch: Batch = await finds(deps, options, after)
    for (const upload of batch.uploads) {
      const outcome = dryRun ? 'moved' : await moves(upload, deps)
      unheard = outcome === 'unheard' ? unheard + 1 : 0
      if (unheard === maxUnheard) return moved
      if (outcome !== 'moved') continue
      moved += 1
      deps.log.info({ uploadId: upload.id, state: upload.state, rule: name, dryRun, step: 'sweep' }, says)
    }
    after = batch.next
    if (after === null) break
  }
  return moved
}

async function ringFor({ id, assetType }: UploadRecord, { bell, log }: SweepDeps): Promise<Moved> {
  if (assetType === null) throw new Error(`upload ${id} was accepted without an asset type`)
  try {
    return (await bell.ringAgain(assetKind(assetType).lane, { uploadId: id })) ? 'moved' : 'nothing to do'
  } catch (err) {
    if (!(err instanceof BellUnreachable)) throw err
    log.warn({ uploadId: id, err }, 'no worker woken, the next sweep will try')
    return 'unheard'
  }
}

/** The row first: only what is no longer alive is purged. */
async function abandonStale({ id, filename, quarantineKey }: UploadRecord, { uploads, store }: SweepDeps): Promise<Moved> {
  if (!(await uploads.abandon(id, refusal('upload_interrupted', { filename }), { giveBack: true }))) return 'nothing to do'
  await store.abandonReceives(quarantineKey)
  await store.purge(quarantineKey)
  return 'moved'
}
