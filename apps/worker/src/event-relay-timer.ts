import { type RelayDeps, type RelayOptions, relayEvents } from '@airlock/lifecycle'
import { RecurringWork } from './recurring-work.ts'

export interface EventRelayTimerOptions extends Omit<RelayOptions, 'signal'> {
  everySeconds: number
  onPlaced(count: number): void
}

/** The last run may take so long: what it does not get done with, other workers do. */
const lastRunMs = 2000

/** Gives events their place in the feed: at the start, whenever the database rings (`soon`), and again and again for what no bell told. */
export class EventRelayTimer extends RecurringWork {
  readonly #last: () => Promise<void>

  constructor(options: EventRelayTimerOptions, deps: RelayDeps) {
    const onFailure = (err: unknown) => deps.log.warn({ err }, 'events not relayed, the next run will')
    const work = async (signal: AbortSignal) => options.onPlaced((await relayEvents({ ...options, signal }, deps)) ?? 0)
    super({ everySeconds: options.everySeconds, atOnce: true, work, onFailure })
    this.#last = () => work(AbortSignal.timeout(lastRunMs)).catch(onFailure)
  }

  /** Relays what the last jobs wrote, and then nothing more. */
  override async stop(): Promise<void> {
    await super.stop()
    await this.#last()
  }
}
