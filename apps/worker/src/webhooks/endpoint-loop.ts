import type { Database, Delivery } from '@airlock/database'
import { type DeliverOptions, type DeliveryOutcome, deliver, type Endpoint, type Log } from '@airlock/lifecycle'
import { RecurringWork } from '../recurring-work.ts'

export interface EndpointLoopOptions extends Omit<DeliverOptions, 'signal'> {
  /** Deliveries whose time has come are looked for so often, beside the bell. */
  everySeconds: number
  /** Deliveries that run at once. */
  concurrency: number
  /** Longer than an attempt and the note of its end: then only one whose worker died or was paused is made twice. */
  leaseSeconds: number
  onOutcome(outcome: DeliveryOutcome): void
}

export interface EndpointLoopDeps {
  webhooks: Database['webhooks']
  log: Log
}

/** Events that become deliveries in one transaction. */
const fanOutBatch = 500

/**
 * Tells one endpoint of all events. Each endpoint has its own, so that one that is slow or away takes nothing from the others but its share
 * of connections. Any number of workers may have one for the same endpoint.
 */
export class EndpointLoop extends RecurringWork {
  readonly #endpoint: Endpoint
  readonly #options: EndpointLoopOptions
  readonly #deps: EndpointLoopDeps
  readonly #running = new Set<Promise<void>>()
  readonly #breakOff = new AbortController()
  #registered = false

  constructor(endpoint: Endpoint, options: EndpointLoopOptions, deps: EndpointLoopDeps) {
    super({
      everySeconds: options.everySeconds,
      atOnce: true,
      work: (signal) => this.#startDue(signal),
      onFailure: (err) => deps.log.warn({ err, endpoint: endpoint.name }, 'deliveries not looked for, the next run will'),
    })
    this.#endpoint = endpoint
    this.#options = options
    this.#deps = deps
  }

  /** Begins no delivery any more, but those that the run under way was handed. Resolves when none runs. */
  async finish(): Promise<void> {
    await this.stop()
    await Promise.all(this.#running)
  }

  /** Ends the deliveries that still run; whether they arrived is not known, so they are made again when their leases have ended. */
  breakOff(): void {
    this.#breakOff.abort()
  }

  /** Runs end when nothing is due or nothing more may run; each delivery that ends begins another. */
  async #startDue(signal: AbortSignal): Promise<void> {
    const { webhooks } = this.#deps
    const { name } = this.#endpoint
    const { concurrency, leaseSeconds } = this.#options
    if (!this.#registered) await webhooks.register([name])
    this.#registered = true
    let more = true
    while (more && !signal.aborted) {
      const made = await webhooks.fanOut(name, { limit: fanOutBatch })
      const free = concurrency - this.#running.size
      const due = free === 0 ? [] : await webhooks.due(name, { limit: free, leaseSeconds })
      for (const delivery of due) this.#begin(delivery)
      more = made === fanOutBatch || (due.length > 0 && this.#running.size < concurrency)
    }
  }

  #begin(delivery: Delivery): void {
    const running = this.#deliver(delivery).finally(() => {
      this.#running.delete(running)
      this.soon()
    })
    this.#running.add(running)
  }

  async #deliver(delivery: Delivery): Promise<void> {
    try {
      this.#options.onOutcome(await deliver(delivery, this.#endpoint, { ...this.#options, signal: this.#breakOff.signal }, this.#deps))
    } catch (err) {
      const { event, attempt } = delivery
      const fields = { endpoint: this.#endpoint.name, eventId: event.id, uploadId: event.uploadId, attempt, step: 'webhook' }
      this.#deps.log.warn({ ...fields, err }, 'how a delivery ended is not written down, it is made again')
    }
  }
}
