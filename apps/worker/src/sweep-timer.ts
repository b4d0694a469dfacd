import { type SweepDeps, type SweepOptions, type SweepReport, sweep } from '@airlock/lifecycle'
import { RecurringWork } from './recurring-work.ts'

export interface SweepTimerOptions extends SweepOptions {
  everySeconds: number
  onSwept(report: SweepReport): void
}

/** Sweeps again and again. A sweep that fails is told in the log; the next one does its work. */
export class SweepTimer extends RecurringWork {
  constructor(options: SweepTimerOptions, deps: SweepDeps) {
    super({
      everySeconds: options.everySeconds,
      work: async () => options.onSwept(await sweep(options, deps)),
      onFailure: (err) => deps.log.warn({ err }, 'sweep not finished, the next one will'),
    })
  }
}
