import { inbox } from './inbox.ts'
import { leftovers } from './leftovers.ts'
import { outdated } from './outdated.ts'
import { lapsed, waiting } from './ring.ts'
import type { Rule, Run } from './rule.ts'
import { stale } from './stale.ts'
import { strays } from './strays.ts'
import type { SweepDeps, SweepOptions } from './sweep-options.ts'
import { lookingTurn, Turn, TurnLost } from './turn.ts'
import { unfinished } from './unfinished.ts'
import { expired, unused } from './unused.ts'

/**
 * What the sweeper looks for, in the order in which it does: first what somebody waits for, and what needs no object store before what does,
 * because a sweep ends when the store is away.
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

/**
 * Finds uploads which stopped moving and gets them moving again, and removes what nobody needs any more. One process does so at a time,
 * by a lease in the database; should two, every move is one that may happen twice. A rule that did not come to its end goes on from there
 * in the next sweep, whoever does it.
 *
 * @returns null when another process sweeps, or has just done so
 * @throws DatabaseUnavailable, StoreUnavailable  the rest comes with the next sweep
 */
export async function sweep(options: SweepOptions, deps: SweepDeps): Promise<SweepReport | null> {
  const turn = options.dryRun ? lookingTurn() : await Turn.take(deps.sweeper, options)
  if (turn === null) return null
  const report = Object.fromEntries(sweepRules.map((name) => [name, 0])) as SweepReport
  try {
    const clockAheadMs = (await deps.uploads.clock()).getTime() - Date.now()
    const run: Run = { deps, options: { ...options, clockAheadMs }, turn, removalsLeft: options.maxRemovals }
    for (const name of sweepRules) report[name] = await rules[name](name, run)
  } catch (error) {
    if (!(error instanceof TurnLost)) throw error
    deps.log.warn({ step: 'sweep' }, error.message)
  } finally {
    await turn.end()
  }
  return report
}
