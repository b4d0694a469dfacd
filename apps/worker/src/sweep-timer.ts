import { type SweepDeps, SweepIncomplete, type SweepOptions, type SweepReport, sweep } from '@airlock/lifecycle'
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
    super({
      everySeconds,
      work: async (signal) => {
        const report = await sweep({ ...options, notWithinSeconds: everySeconds * mostOfThePause, signal }, deps)
        if (report !== null) onSwept(report)
      },
      onFailure: (err) => {
        if (err instanceof SweepIncomplete) onSwept(err.report)
        deps.log.warn({ err }, 'sweep failed, the next one retries')
      },
    })
  }
}
