import { type PurgeDeps, type PurgeOptions, type PurgeReport, purge } from '@airlock/lifecycle'
import { RecurringWork } from './recurring-work.ts'

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
