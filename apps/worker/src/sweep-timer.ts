import { type SweepDeps, SweepIncomplete, type SweepOptions, type SweepReport, sweep } from '@airlock/lifecycle'
import { RecurringWork } from './recurring-work.ts'

export interface SweepTimerOptions extends Omit<SweepOptions, 'signal' | 'notWithinSeconds'> {
  everySeconds: number
  onSwept(report: SweepReport): void
}

/** Of the pause between two sweeps, so much must have passed since anybody's last one: a timer may fire a little early. */
const mostOfThePause = 0.9

/**
 * Sweeps again and again, when it is this process' turn: many workers together sweep no oftener than one. A sweep that fails is told in the
 * log; the next one does its work.
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
        deps.log.warn({ err }, 'sweep not finished, the next one will')
      },
    })
  }
}
