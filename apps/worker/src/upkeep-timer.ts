import type { Database } from '@airlock/database'
import type { Log } from '@airlock/lifecycle'
import { RecurringWork } from './recurring-work.ts'

export interface UpkeepOptions {
  everySeconds: number
  /** Partitions of months that ended longer ago are dropped. */
  accessLogDays: number
  /** Events that got their position in the feed longer ago are deleted. */
  eventDays: number
}

export interface UpkeepDeps {
  database: Pick<Database, 'accessLog' | 'idempotency' | 'events'>
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
        await Promise.all([maintainAccessLog(accessLogDays, deps), pruneRequests(signal, deps), pruneEvents(eventDays, signal, deps)])
      },
      onFailure: (err) => deps.log.warn({ err }, 'upkeep failed, the next run retries'),
    })
  }
}

async function maintainAccessLog(keepDays: number, { database, log }: UpkeepDeps): Promise<void> {
  const { made, dropped, moved, deleted, crowded } = await database.accessLog.maintain({ keepDays })
  if (made.length + dropped.length + moved + deleted > 0)
    log.info({ made, dropped, moved, deleted, step: 'upkeep' }, 'access log maintained')
  if (crowded.length > 0)
    log.warn({ crowded, step: 'upkeep' }, 'default partition of the access log has too many entries to move in one run')
}

async function pruneRequests(signal: AbortSignal, { database, log }: UpkeepDeps): Promise<void> {
  const pruned = await pruneAll(signal, (limit) => database.idempotency.prune(limit))
  if (pruned > 0) log.info({ pruned, step: 'upkeep' }, 'stored responses of idempotent requests deleted')
}

async function pruneEvents(olderThanDays: number, signal: AbortSignal, { database, log }: UpkeepDeps): Promise<void> {
  const pruned = await pruneAll(signal, (limit) => database.events.prune({ olderThanDays, limit }))
  if (pruned > 0) log.info({ pruned, step: 'upkeep' }, 'old events deleted')
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
