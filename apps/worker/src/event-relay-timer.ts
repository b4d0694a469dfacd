import { type RelayDeps, type RelayOptions, relayEvents } from '@airlock/lifecycle'
import { RecurringWork } from './recurring-work.ts'

export interface EventRelayTimerOptions extends Omit<RelayOptions, 'signal'> {
  everySeconds: number
  onPlaced(count: number): void
}

/** Time limit of the last run, in ms. Other workers relay what it leaves. */
const lastRunMs = 2000

/** Gives events their positions in the feed: at the start, after each notification (`soon`), and periodically for lost notifications. */
export class EventRelayTimer extends RecurringWork {
  readonly #last: () => Promise<void>

  constructor(options: EventRelayTimerOptions, deps: RelayDeps) {
    const onFailure = (err: unknown) => deps.log.warn({ err }, 'event relay failed, the next run retries')
    const work = async (signal: AbortSignal) => options.onPlaced((await relayEvents({ ...options, signal }, deps)) ?? 0)
    super({ everySeconds: options.everySeconds, atOnce: true, work, onFailure })
    this.#last = () => work(AbortSignal.timeout(lastRunMs)).catch(onFailure)
  }

  /** Relays the events of the last jobs, then stops. */
  override async stop(): Promise<void> {
    await super.stop()
    await this.#last()
  }
}
