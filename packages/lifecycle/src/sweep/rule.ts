import { StoreFailure } from '@airlock/storage'
import type { SweepDeps, SweepOptions } from './sweep-options.ts'
import type { Turn } from './turn.ts'

/** What became of one find. `unheard`: the bell could not be reached. */
export type Moved = 'moved' | 'nothing to do' | 'unheard'

/** What a rule found in one look. */
export interface Finds<T> {
  readonly items: readonly T[]
  /** Where the next look begins, in the rule's own words; null when this one was the last. */
  readonly next: string | null
}

export interface RuleDefinition<T> {
  /** One look from `after` on (null: from the beginning), a bounded one. */
  readonly finds: (after: string | null, deps: SweepDeps, options: SweepOptions) => Promise<Finds<T>>
  readonly moves: (item: T, deps: SweepDeps, options: SweepOptions) => Promise<Moved>
  /** What `moves` would come to; absent: it would move. */
  readonly wouldMove?: (item: T, deps: SweepDeps) => Promise<Moved>
  /** What the log says when a find was moved, and of what. */
  readonly says: string
  readonly about: (item: T) => object
  /** It deletes: the sweep's limit counts for it. */
  readonly removes?: true
  /** It goes through everything there is, a little in each sweep, and rests when it has come to the end, for so many seconds if it says so. */
  readonly rests?: true | ((options: SweepOptions) => number)
}

/** One sweep, as its rules see it. */
export interface Run {
  readonly deps: SweepDeps
  readonly options: SweepOptions
  readonly turn: Pick<Turn, 'placeOf' | 'moveTo' | 'keep'>
  /** What may still be deleted. */
  removalsLeft: number
}

/** A rule of the sweeper. @returns how many it moved */
export type Rule = (name: string, run: Run) => Promise<number>

/** Looks that one rule takes in one sweep; fewer for a rule that goes through everything, so that it keeps no other waiting. */
const maxLooks = 50
const maxLooksOfResting = 5

/** So many uploads in a row that could not be rung for mean that Redis is away: the rest comes with the next sweep, too. */
const maxUnheard = 3

type End = 'goes on' | 'stops here'

/** Makes a rule of its parts: looks one after the other, moves what each finds, and remembers where it came to. */
export const rule =
  <T>(definition: RuleDefinition<T>): Rule =>
  async (name, run) => {
    const { turn, options } = run
    const { after: from, endedAt } = turn.placeOf(name)
    if (definition.rests && from === null && isRecent(endedAt, restSeconds(definition.rests, options))) return 0
    const tally = { moved: 0, unheard: 0 }
    let after = from
    for (let looks = definition.rests ? maxLooksOfResting : maxLooks; looks > 0 && !options.signal?.aborted; looks -= 1) {
      const { items, next } = await definition.finds(after, run.deps, options)
      for (const item of items) {
        if ((await moveOne(definition, item, name, run, tally)) === 'stops here') return tally.moved
      }
      after = next
      turn.moveTo(name, { after, endedAt: after === null ? new Date().toISOString() : endedAt })
      if (after === null) break
    }
    return tally.moved
  }

const restSeconds = (rests: true | ((options: SweepOptions) => number), options: SweepOptions): number =>
  rests === true ? options.restSeconds : rests(options)

/** By the clocks of two workers, maybe: a pass that ended far in our future must not keep the rule from ever going on. */
const isRecent = (at: string | null, seconds: number): boolean => at !== null && Math.abs(Date.now() - Date.parse(at)) < seconds * 1000

async function moveOne<T>(
  { moves, wouldMove = async () => 'moved', says, about, removes }: RuleDefinition<T>,
  item: T,
  name: string,
  run: Run,
  tally: { moved: number; unheard: number },
): Promise<End> {
  const { deps, options, turn } = run
  const dryRun = options.dryRun === true
  if (options.signal?.aborted || (removes && run.removalsLeft === 0)) return 'stops here'
  await turn.keep()
  const fields = { ...about(item), rule: name, dryRun, step: 'sweep' }
  const outcome = await (dryRun ? wouldMove(item, deps) : moves(item, deps, options)).catch(orGiveUp(fields, deps))
  tally.unheard = outcome === 'unheard' ? tally.unheard + 1 : 0
  if (tally.unheard === maxUnheard) return 'stops here'
  if (outcome !== 'moved') return 'goes on'
  tally.moved += 1
  if (removes) run.removalsLeft -= 1
  deps.log.info(fields, says)
  return 'goes on'
}

/** One object that the store will not give up keeps no other waiting; it is met again in the next pass. */
const orGiveUp =
  (fields: object, { log }: SweepDeps) =>
  (err: unknown): Moved => {
    if (!(err instanceof StoreFailure)) throw err
    log.error({ ...fields, err }, 'the store refuses what the sweeper asks for, left as it is')
    return 'nothing to do'
  }
