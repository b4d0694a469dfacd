import type { Database } from '@airlock/database'
import type { Log } from '@airlock/lifecycle'
import { RecurringWork } from './recurring-work.ts'

export interface UpkeepOptions {
  everySeconds: number
  /** Months of the access log that ended longer ago are dropped. */
  accessLogDays: number
  /** Events that got their place in the feed longer ago are forgotten. */
  eventDays: number
}

export interface UpkeepDeps {
  database: Pick<Database, 'accessLog' | 'idempotency' | 'events'>
  log: Log
}

/** Rows that are forgotten in one statement, and statements of one run at most. */
const pruneLimit = 1000
const maxPrunes = 200

/** Keeps the tables of the record in order that only grow: at the start, and again and again. Any number of workers may do so at once. */
export class UpkeepTimer extends RecurringWork {
  constructor({ everySeconds, accessLogDays, eventDays }: UpkeepOptions, deps: UpkeepDeps) {
    super({
      everySeconds,
      atOnce: true,
      work: async (signal) => {
        await Promise.all([maintainAccessLog(accessLogDays, deps), pruneRequests(signal, deps), pruneEvents(eventDays, signal, deps)])
      },
      onFailure: (err) => deps.log.warn({ err }, 'upkeep not finished, the next one will'),
    })
  }
}

async function maintainAccessLog(keepDays: number, { database, log }: UpkeepDeps): Promise<void> {
  const { made, dropped, moved, deleted, crowded } = await database.accessLog.maintain({ keepDays })
  if (made.length + dropped.length + moved + deleted > 0)
    log.info({ made, dropped, moved, deleted, step: 'upkeep' }, 'access log looked after')
  if (crowded.length > 0) log.warn({ crowded, step: 'upkeep' }, 'months of the access log have too many entries to be moved at once')
}

async function pruneRequests(signal: AbortSignal, { database, log }: UpkeepDeps): Promise<void> {
  const pruned = await pruneAll(signal, (limit) => database.idempotency.prune(limit))
  if (pruned > 0) log.info({ pruned, step: 'upkeep' }, 'answers of repeatable requests forgotten')
}

async function pruneEvents(olderThanDays: number, signal: AbortSignal, { database, log }: UpkeepDeps): Promise<void> {
  const pruned = await pruneAll(signal, (limit) => database.events.prune({ olderThanDays, limit }))
  if (pruned > 0) log.info({ pruned, step: 'upkeep' }, 'old events forgotten')
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
