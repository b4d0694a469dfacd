import { StoreUnavailable } from '@airlock/storage'
import { lapsed, waiting } from './enqueue.ts'
import { inbox } from './inbox.ts'
import { leftovers } from './leftovers.ts'
import { outdated } from './outdated.ts'
import type { Rule, Run } from './rule.ts'
import { stale } from './stale.ts'
import { strays } from './strays.ts'
import { readOnlyLease, SweepLease, SweepLeaseLost } from './sweep-lease.ts'
import type { SweepDeps, SweepOptions } from './sweep-options.ts'
import { unfinished } from './unfinished.ts'
import { expired, unused } from './unused.ts'

/**
 * What the sweeper looks for, in the order in which it does: first what somebody waits for, and what needs no object store before what does,
 * because a sweep ends when the store is unavailable.
 */
const rules = {
  waiting,
  lapsed,
  unused,
  expired,
  outdated,
  stale,
  inbox,
  leftovers,
  unfinished,
  strays,
} as const satisfies Record<string, Rule>

export type SweepRule = keyof typeof rules
export const sweepRules = Object.keys(rules) as SweepRule[]

/** What a sweep did, a count for each rule. */
export type SweepReport = Record<SweepRule, number>

/** Some rules failed, each for a reason of its own that was logged; the others did their work. */
export class SweepIncomplete extends Error {
  override name = 'SweepIncomplete'
  /** What was done all the same. */
  readonly report: SweepReport

  constructor(report: SweepReport, failed: ReadonlyMap<SweepRule, unknown>) {
    super(`rules of the sweeper failed: ${[...failed.keys()].join(', ')}`, { cause: [...failed.values()][0] })
    this.report = report
  }
}

/**
 * Finds uploads which stopped moving and gets them moving again, and removes what nobody needs any more. One process does so at a time,
 * by a lease in the database; should two, every move is one that may happen twice. A rule that did not come to its end goes on from there
 * in the next sweep, whoever does it. A rule that fails stops no other.
 *
 * @returns null when another process sweeps, or has just done so
 * @throws SweepIncomplete, DatabaseUnavailable  the rest comes with the next sweep
 */
export async function sweep(options: SweepOptions, deps: SweepDeps): Promise<SweepReport | null> {
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
        deps.log.error({ rule: name, step: 'sweep', err }, 'a rule of the sweeper failed, the others go on')
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
  if (failed.size > 0) throw new SweepIncomplete(report, failed)
  return report
}

/** What waits longer by less than this harms nobody. */
const shortestStepSeconds = 60

/** Without it everything waits for as long as the clock was set back, which loses nothing: so a failure stops no sweep. */
async function moveBack(seconds: number, { sweeper, log }: SweepDeps): Promise<void> {
  log.warn({ seconds: Math.round(seconds), step: 'sweep' }, 'the clock of Postgres was set back, what waits for a moment is moved with it')
  await sweeper.moveBack(seconds).catch((err: unknown) => log.error({ err, step: 'sweep' }, 'not all that waits could be moved'))
}

/** One rule may have met an object or a prefix for which the store never answers; for two of them it does not answer at all. */
const storeIsUnavailable = (failed: ReadonlyMap<SweepRule, unknown>): boolean =>
  [...failed.values()].filter((err) => err instanceof StoreUnavailable).length >= 2
