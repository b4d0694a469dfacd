import { DatabaseUnavailable } from '@airlock/database'
import type { Log } from '@airlock/domain'
import { StoreUnavailable } from '@airlock/storage'
import { type SweepLease, SweepLeaseLost } from './sweep-lease.ts'
import type { SweepDeps, SweepOptions } from './sweep-options.ts'

/** The result of a move for one item. */
export type Moved = 'moved' | 'nothing to do' | 'queue unreachable'

/** One batch of what a rule finds. */
export interface Finds<T> {
  readonly items: readonly T[]
  /** Where the next batch begins, in the rule's own format; null when this one was the last. */
  readonly next: string | null
}

export interface RuleDefinition<T> {
  /** Finds one bounded batch from `after` on (null: from the beginning). */
  readonly finds: (after: string | null, deps: SweepDeps, options: SweepOptions) => Promise<Finds<T>>
  readonly moves: (item: T, deps: SweepDeps, options: SweepOptions) => Promise<Moved>
  /** What `moves` would return, for dry runs; absent: `moved`. */
  readonly wouldMove?: (item: T, deps: SweepDeps) => Promise<Moved>
  /** The log message for a moved item. */
  readonly message: string
  /** The log fields for an item. */
  readonly about: (item: T) => object
  /** The rule deletes, so that its moves count towards the sweep's limit of removals. */
  readonly removes?: true
  /** The rule scans everything, a part in each sweep, and pauses after each complete pass; a function returns the pause in seconds. */
  readonly rests?: true | ((options: SweepOptions) => number)
}

/** The state of one sweep that its rules share. */
export interface Run {
  readonly deps: SweepDeps
  readonly options: SweepOptions
  readonly lease: Pick<SweepLease, 'positionOf' | 'advance' | 'renewIfDue'>
  /** How many removals are left in this sweep. */
  removalsLeft: number
}

/** A rule of the sweeper. @returns how many items it moved */
export type Rule = (name: string, run: Run) => Promise<number>

/** The maximum of batches of one rule in one sweep; fewer for a rule that scans everything, so that it does not delay the others. */
const maxBatches = 50
const maxBatchesOfScans = 5

/** After this many consecutive uploads that could not be enqueued, Redis counts as unavailable; the next sweep continues. */
const maxUnreachable = 3

/** After this many consecutive items for which a server is unavailable, it counts as unavailable for all. */
const maxUnavailable = 3

interface Counts {
  moved: number
  /** In a row. */
  unreachable: number
  /** In a row. */
  unavailable: number
}

type Next = 'continue' | 'stop'

/** Makes a rule from its definition: it reads batch after batch, moves the items of each, and stores its position. */
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
  const { after: from, endedAt } = lease.positionOf(name)
  if (definition.rests && from === null && isRecent(endedAt, restSeconds(definition.rests, options), options)) return 0
  const counts: Counts = { moved: 0, unreachable: 0, unavailable: 0 }
  let after = from
  for (let batches = definition.rests ? maxBatchesOfScans : maxBatches; batches > 0 && !options.signal?.aborted; batches -= 1) {
    const { items, next } = await definition.finds(after, deps, options)
    for (const item of items) {
      if ((await moveOne(definition, item, name, run, deps, counts)) === 'stop') return counts.moved
    }
    after = storable(next)
    lease.advance(name, { after, endedAt: after === null ? new Date(nowOf(options)).toISOString() : endedAt })
    if (after === null) break
  }
  return counts.moved
}

/** A key may contain a NUL, which Postgres can't store: the position then skips all keys with the same beginning. */
const storable = (position: string | null): string | null => (position === null ? null : position.replace(/\0.*/su, '\u0001'))

const restSeconds = (rests: true | ((options: SweepOptions) => number), options: SweepOptions): number =>
  rests === true ? options.restSeconds : rests(options)

/** The time by the clock of Postgres, which dates the ends of passes: the clocks of two workers may differ. */
const nowOf = ({ clockAheadMs = 0 }: SweepOptions): number => Date.now() + clockAheadMs

/** A time may appear to be in the future by this much, because clocks are read one after the other. */
const readingMs = 1000

/** A pass that ended in the future means that the clock was set back since then: the rule continues at once. */
function isRecent(at: string | null, seconds: number, options: SweepOptions): boolean {
  const agoMs = at === null ? Number.POSITIVE_INFINITY : nowOf(options) - Date.parse(at)
  return agoMs > -readingMs && agoMs < seconds * 1000
}

async function moveOne<T>(
  { moves, wouldMove = async () => 'moved', message, about, removes }: RuleDefinition<T>,
  item: T,
  name: string,
  run: Run,
  deps: SweepDeps,
  counts: Counts,
): Promise<Next> {
  const { options, lease } = run
  const dryRun = options.dryRun === true
  if (options.signal?.aborted || (removes && run.removalsLeft === 0)) return 'stop'
  await lease.renewIfDue()
  const fields = { ...about(item), rule: name, dryRun, step: 'sweep' }
  const outcome = await (dryRun ? wouldMove(item, deps) : moves(item, deps, options)).catch(orSkip(fields, deps, counts))
  counts.unreachable = outcome === 'queue unreachable' ? counts.unreachable + 1 : 0
  if (outcome === 'moved') counts.unavailable = 0
  if (counts.unreachable === maxUnreachable) return 'stop'
  if (outcome !== 'moved') return 'continue'
  counts.moved += 1
  if (removes) run.removalsLeft -= 1
  deps.log.info(fields, message)
  return 'continue'
}

/**
 * An item that fails does not block the others; the next pass finds it again.
 *
 * @throws SweepLeaseLost; StoreUnavailable or DatabaseUnavailable when several items in a row failed so
 */
const orSkip =
  (fields: object, { log }: SweepDeps, counts: Counts) =>
  (err: unknown): Moved => {
    if (err instanceof SweepLeaseLost) throw err
    const isUnavailable = err instanceof StoreUnavailable || err instanceof DatabaseUnavailable
    counts.unavailable = isUnavailable ? counts.unavailable + 1 : 0
    if (counts.unavailable === maxUnavailable) throw err
    if (isUnavailable) log.warn({ ...fields, err }, 'sweeper skipped an item, the next pass retries')
    else log.error({ ...fields, err }, 'sweeper failed on an item, left unchanged')
    return 'nothing to do'
  }

/** The maximum of warnings and errors that one rule logs in one sweep. */
const maxLines = 20

/**
 * A log that forwards a limited number of warnings and errors and counts the rest, so that the log stays readable when many objects fail for
 * the same reason.
 */
class BoundedLog implements Log {
  readonly #log: Log
  #lines = 0

  constructor(log: Log) {
    this.#log = log
  }

  info(fields: object, message: string): void {
    this.#log.info(fields, message)
  }

  warn(fields: object, message: string): void {
    if (this.#hasRoom()) this.#log.warn(fields, message)
  }

  error(fields: object, message: string): void {
    if (this.#hasRoom()) this.#log.error(fields, message)
  }

  /** Logs how many lines were omitted, if any. */
  end(fields: object): void {
    const leftOut = this.#lines - maxLines
    if (leftOut > 0) this.#log.warn({ ...fields, leftOut }, 'further warnings of this rule in this sweep omitted')
  }

  #hasRoom(): boolean {
    this.#lines += 1
    return this.#lines <= maxLines
  }
}
