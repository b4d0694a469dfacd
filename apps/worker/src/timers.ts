import type { Database } from '@airlock/database'
import type { Log } from '@airlock/domain'
import {
  type PurgeDeps,
  type PurgeOptions,
  type PurgeReport,
  purge,
  type SweepDeps,
  type SweepOptions,
  type SweepReport,
  sweep,
} from '@airlock/lifecycle'
import { type RelayDeps, type RelayOptions, relayEvents } from '@airlock/notifications'
import { RecurringWork } from './recurring-work.ts'

export interface SweepTimerOptions extends Omit<SweepOptions, 'signal' | 'notWithinSeconds'> {
  everySeconds: number
  onSwept(report: SweepReport): void
}

/** The share of the pause that must have passed since the last sweep of any worker: a timer may fire slightly early. */
const mostOfThePause = 0.9

/**
 * Sweeps periodically, if this process gets the lease: many workers together sweep no more often than one. A failed sweep is logged; the next
 * one does its work.
 */
export class SweepTimer extends RecurringWork {
  constructor(options: SweepTimerOptions, deps: SweepDeps) {
    const { everySeconds, onSwept } = options
    const onFailure = (err: unknown) => deps.log.warn({ err }, 'sweep failed, the next one retries')
    super({
      everySeconds,
      work: async (signal) => {
        const swept = await sweep({ ...options, notWithinSeconds: everySeconds * mostOfThePause, signal }, deps)
        if (swept === null) return
        onSwept(swept.report)
        if (swept.failure !== null) onFailure(swept.failure)
      },
      onFailure,
    })
  }
}

export interface PurgeTimerOptions extends Omit<PurgeOptions, 'signal'> {
  everySeconds: number
  onPurged(report: PurgeReport): void
}

/** Removes the objects of deleted assets: at the start, after each notification (`soon`), and periodically. */
export class PurgeTimer extends RecurringWork {
  constructor(options: PurgeTimerOptions, deps: PurgeDeps) {
    super({
      everySeconds: options.everySeconds,
      atOnce: true,
      work: async (signal) => options.onPurged(await purge({ ...options, signal }, deps)),
      onFailure: (err) => deps.log.warn({ err }, 'purge failed, the next run retries'),
    })
  }
}

export interface EventRelayTimerOptions extends Omit<RelayOptions, 'signal'> {
  everySeconds: number
  onPlaced(count: number): void
}

/** Time limit of the last run, in ms. Other workers relay what it leaves. */
const lastRunMs = 2000

/** Gives events their positions in the feed: at the start, after each notification (`soon`), and periodically for lost notifications. */
export class EventRelayTimer extends RecurringWork {
  readonly #last: () => Promise<void>

  constructor(options: EventRelayTimerOptions, deps: RelayDeps & { log: Log }) {
    const onFailure = (err: unknown) => deps.log.warn({ err }, 'event relay failed, the next run retries')
    const work = async (signal: AbortSignal) => options.onPlaced(await relayEvents({ ...options, signal }, deps))
    super({ everySeconds: options.everySeconds, atOnce: true, work, onFailure })
    this.#last = () => work(AbortSignal.timeout(lastRunMs)).catch(onFailure)
  }

  /** Relays the events of the last jobs, then stops. */
  override async stop(): Promise<void> {
    await super.stop()
    await this.#last()
  }
}

export interface UpkeepOptions {
  everySeconds: number
  /** Partitions of months that ended longer ago are dropped. */
  accessLogDays: number
  /** Events that got their position in the feed longer ago are deleted. */
  eventDays: number
}

export interface UpkeepDeps {
  database: Pick<Database, 'accessLog' | 'idempotency' | 'events' | 'opsLog'>
  log: Log
}

/** Maximum rows per delete statement, and statements per run. */
const pruneLimit = 1000
const maxPrunes = 200

/** Prunes tables that only grow: at the start, and periodically. Any number of workers may do so concurrently. */
export class UpkeepTimer extends RecurringWork {
  constructor({ everySeconds, accessLogDays, eventDays }: UpkeepOptions, deps: UpkeepDeps) {
    super({
      everySeconds,
      atOnce: true,
      work: async (signal) => {
        await Promise.all([
          maintainAccessLog(accessLogDays, deps),
          pruneRequests(signal, deps),
          pruneEvents(eventDays, signal, deps),
          pruneOpsLog(signal, deps),
        ])
      },
      onFailure: (err) => deps.log.warn({ err }, 'upkeep failed, the next run retries'),
    })
  }
}

async function maintainAccessLog(keepDays: number, { database, log }: UpkeepDeps): Promise<void> {
  const { created, dropped, moved, deleted, notCreated } = await database.accessLog.maintain({ keepDays })
  if (created.length + dropped.length + moved + deleted > 0)
    log.info({ created, dropped, moved, deleted, step: 'upkeep' }, 'access log maintained')
  if (notCreated.length > 0)
    log.warn({ notCreated, step: 'upkeep' }, 'default partition of the access log has too many entries to move in one run')
}

async function pruneRequests(signal: AbortSignal, { database, log }: UpkeepDeps): Promise<void> {
  const pruned = await pruneAll(signal, (limit) => database.idempotency.prune(limit))
  if (pruned > 0) log.info({ pruned, step: 'upkeep' }, 'stored responses of idempotent requests deleted')
}

async function pruneEvents(olderThanDays: number, signal: AbortSignal, { database, log }: UpkeepDeps): Promise<void> {
  const pruned = await pruneAll(signal, (limit) => database.events.prune({ olderThanDays, limit }))
  if (pruned > 0) log.info({ pruned, step: 'upkeep' }, 'old events deleted')
}

/** How long the changes of operators are kept (docs/ops.md). */
const opsLogDays = 400

async function pruneOpsLog(signal: AbortSignal, { database, log }: UpkeepDeps): Promise<void> {
  const pruned = await pruneAll(signal, (limit) => database.opsLog.prune({ olderThanDays: opsLogDays, limit }))
  if (pruned > 0) log.info({ pruned, step: 'upkeep' }, 'old rows of the log of operators deleted')
}

async function pruneAll(signal: AbortSignal, prune: (limit: number) => Promise<number>): Promise<number> {
  let pruned = 0
  for (let prunes = 0; prunes < maxPrunes && !signal.aborted; prunes += 1) {
    const count = await prune(pruneLimit)
    pruned += count
    if (count < pruneLimit) break
  }
  return pruned
}
