import { StoreUnavailable } from '@airlock/storage'
import { inbox } from './inbox.ts'
import { leftovers } from './leftovers.ts'
import type { Rule, Run } from './rule.ts'
import { strays } from './strays.ts'
import { readOnlyLease, SweepLease, SweepLeaseLost } from './sweep-lease.ts'
import type { SweepDeps, SweepOptions } from './sweep-options.ts'
import { unfinished } from './unfinished.ts'
import { expired, unused } from './unused.ts'
import { lapsed, outdated, overdue, stale, waiting } from './uploads.ts'

/**
 * The rules in their order: first those whose uploads a client waits for; those without the object store before those that need it, because a
 * sweep ends when the store is unavailable.
 */
const rules = {
  waiting,
  lapsed,
  unused,
  expired,
  outdated,
  stale,
  overdue,
  inbox,
  leftovers,
  unfinished,
  strays,
} as const satisfies Record<string, Rule>

export type SweepRule = keyof typeof rules
export const sweepRules = Object.keys(rules) as SweepRule[]

/** How many items each rule moved. */
export type SweepReport = Record<SweepRule, number>

export interface Swept {
  readonly report: SweepReport
  /** Names the rules that failed, for reasons that were logged, while the others were completed; null when none failed. */
  readonly failure: Error | null
}

/**
 * Finds uploads that stopped moving and moves them on, and removes what is no longer needed. A lease in the database elects one process at a time;
 * all moves are idempotent, in case two sweep. A rule that does not reach its end continues from there in the next sweep, in any process. A rule
 * that fails does not stop the others.
 *
 * @returns null when another process has the lease, or has just swept
 * @throws DatabaseUnavailable  the next sweep continues
 */
export async function sweep(options: SweepOptions, deps: SweepDeps): Promise<Swept | null> {
  const setBackSeconds = options.dryRun ? 0 : await deps.sweeper.clockSetBackSeconds()
  const lease = options.dryRun ? readOnlyLease() : await SweepLease.take(deps.sweeper, options)
  if (lease === null) return null
  if (setBackSeconds >= shortestStepSeconds) await moveBack(setBackSeconds, deps)
  const report = Object.fromEntries(sweepRules.map((name) => [name, 0])) as SweepReport
  const failed = new Map<SweepRule, unknown>()
  try {
    const clockAheadMs = (await deps.uploads.clock()).getTime() - Date.now()
    const run: Run = { deps, options: { ...options, clockAheadMs }, lease, removalsLeft: options.maxRemovals }
    for (const name of sweepRules) {
      if (storeIsUnavailable(failed)) break
      report[name] = await rules[name](name, run).catch((err: unknown) => {
        if (err instanceof SweepLeaseLost) throw err
        deps.log.error({ rule: name, step: 'sweep', err }, 'sweeper rule failed, the others continue')
        failed.set(name, err)
        return 0
      })
    }
  } catch (error) {
    if (!(error instanceof SweepLeaseLost)) throw error
    deps.log.warn({ step: 'sweep' }, error.message)
  } finally {
    await lease.end()
  }
  return { report, failure: failureOf(failed) }
}

function failureOf(failed: ReadonlyMap<SweepRule, unknown>): Error | null {
  const [cause] = failed.values()
  return failed.size === 0 ? null : new Error(`rules of the sweeper failed: ${[...failed.keys()].join(', ')}`, { cause })
}

/** A smaller step of the clock delays uploads too little to matter. */
const shortestStepSeconds = 60

/** If this fails, due times are late by as long as the clock was set back, but nothing is lost; so a failure does not stop the sweep. */
async function moveBack(seconds: number, { sweeper, log }: SweepDeps): Promise<void> {
  log.warn({ seconds: Math.round(seconds), step: 'sweep' }, 'clock of Postgres was set back, due times are moved back with it')
  await sweeper.moveBack(seconds).catch((err: unknown) => log.error({ err, step: 'sweep' }, 'not all due times could be moved back'))
}

/** One rule may fail because of an object or prefix for which the store never answers; if two fail, the store is unavailable. */
const storeIsUnavailable = (failed: ReadonlyMap<SweepRule, unknown>): boolean =>
  [...failed.values()].filter((err) => err instanceof StoreUnavailable).length >= 2
