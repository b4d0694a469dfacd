import { DatabaseUnavailable } from '@airlock/database'
import { StoreUnavailable } from '@airlock/storage'
import { BoundedLog } from './bounded-log.ts'
import { type SweepLease, SweepLeaseLost } from './sweep-lease.ts'
import type { SweepDeps, SweepOptions } from './sweep-options.ts'

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
  readonly lease: Pick<SweepLease, 'placeOf' | 'moveTo' | 'keep'>
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

/** So many finds in a row for which a server is unavailable mean that it is unavailable for all. */
const maxUnavailable = 3

interface Tally {
  moved: number
  unheard: number
  unavailable: number
}

type End = 'goes on' | 'stops here'

/** Makes a rule of its parts: looks one after the other, moves what each finds, and remembers where it came to. */
export const rule =
  <T>(definition: RuleDefinition<T>): Rule =>
  async (name, run) => {
    const log = new BoundedLog(run.deps.log)
    try {
      return await oneRun(definition, name, run, { ...run.deps, log })
    } finally {
      log.end({ rule: name, step: 'sweep' })
    }
  }

async function oneRun<T>(definition: RuleDefinition<T>, name: string, run: Run, deps: SweepDeps): Promise<number> {
  const { lease, options } = run
  const { after: from, endedAt } = lease.placeOf(name)
  if (definition.rests && from === null && isRecent(endedAt, restSeconds(definition.rests, options), options)) return 0
  const tally: Tally = { moved: 0, unheard: 0, unavailable: 0 }
  let after = from
  for (let looks = definition.rests ? maxLooksOfResting : maxLooks; looks > 0 && !options.signal?.aborted; looks -= 1) {
    const { items, next } = await definition.finds(after, deps, options)
    for (const item of items) {
      if ((await moveOne(definition, item, name, run, deps, tally)) === 'stops here') return tally.moved
    }
    after = storable(next)
    lease.moveTo(name, { after, endedAt: after === null ? new Date(nowOf(options)).toISOString() : endedAt })
    if (after === null) break
  }
  return tally.moved
}

/** A key may hold a NUL, which Postgres can't: then on from behind all keys that begin like it. */
const storable = (place: string | null): string | null => (place === null ? null : place.replace(/\0.*/su, '\u0001'))

const restSeconds = (rests: true | ((options: SweepOptions) => number), options: SweepOptions): number =>
  rests === true ? options.restSeconds : rests(options)

/** The clock of Postgres, by which passes end: the clocks of two workers may differ. */
const nowOf = ({ clockAheadMs = 0 }: SweepOptions): number => Date.now() + clockAheadMs

/** A moment may look so far in the future because clocks are read one after the other. */
const readingMs = 1000

/** A pass that ended in the future says that the clock was set back since: the rule goes on at once. */
function isRecent(at: string | null, seconds: number, options: SweepOptions): boolean {
  const agoMs = at === null ? Number.POSITIVE_INFINITY : nowOf(options) - Date.parse(at)
  return agoMs > -readingMs && agoMs < seconds * 1000
}

async function moveOne<T>(
  { moves, wouldMove = async () => 'moved', says, about, removes }: RuleDefinition<T>,
  item: T,
  name: string,
  run: Run,
  deps: SweepDeps,
  tally: Tally,
): Promise<End> {
  const { options, lease } = run
  const dryRun = options.dryRun === true
  if (options.signal?.aborted || (removes && run.removalsLeft === 0)) return 'stops here'
  await lease.keep()
  const fields = { ...about(item), rule: name, dryRun, step: 'sweep' }
  const outcome = await (dryRun ? wouldMove(item, deps) : moves(item, deps, options)).catch(orGiveUp(fields, deps, tally))
  tally.unheard = outcome === 'unheard' ? tally.unheard + 1 : 0
  if (outcome === 'moved') tally.unavailable = 0
  if (tally.unheard === maxUnheard) return 'stops here'
  if (outcome !== 'moved') return 'goes on'
  tally.moved += 1
  if (removes) run.removalsLeft -= 1
  deps.log.info(fields, says)
  return 'goes on'
}

/**
 * One find that fails keeps no other waiting; it is met again in the next pass.
 *
 * @throws SweepLeaseLost, and StoreUnavailable or DatabaseUnavailable when the same happened to several in a row
 */
const orGiveUp =
  (fields: object, { log }: SweepDeps, tally: Tally) =>
  (err: unknown): Moved => {
    if (err instanceof SweepLeaseLost) throw err
    const isUnavailable = err instanceof StoreUnavailable || err instanceof DatabaseUnavailable
    tally.unavailable = isUnavailable ? tally.unavailable + 1 : 0
    if (tally.unavailable === maxUnavailable) throw err
    if (isUnavailable) log.warn({ ...fields, err }, 'not done yet, the next pass will')
    else log.error({ ...fields, err }, 'the sweeper can not do this, left as it is')
    return 'nothing to do'
  }
