import type { Database, Delivery } from '@airlock/database'
import type { Log } from '@airlock/domain'
import { type DeliverOptions, type DeliveryOutcome, deliver, type Endpoint } from '@airlock/notifications'
import type { Telemetry } from '@airlock/telemetry'
import { RecurringWork } from '../recurring-work.ts'

export interface EndpointLoopOptions extends Omit<DeliverOptions, 'signal' | 'traceparent'> {
  /** How often due deliveries are looked for in addition to notifications. */
  everySeconds: number
  /** Concurrent deliveries. */
  concurrency: number
  /** Longer than an attempt including the record of its outcome: then a delivery is repeated only if its worker died or was paused. */
  leaseSeconds: number
  onOutcome(outcome: DeliveryOutcome): void
}

export interface EndpointLoopDeps {
  webhooks: Database['webhooks']
  log: Log
  telemetry: Telemetry
}

/** Events that are turned into deliveries in one transaction. */
const fanOutBatch = 500

/**
 * Delivers all events to one endpoint. Each endpoint has its own loop, so that a slow or unavailable one costs the others nothing but its
 * share of connections. Any number of workers may run a loop for the same endpoint.
 */
export class EndpointLoop extends RecurringWork {
  readonly #endpoint: Endpoint
  readonly #options: EndpointLoopOptions
  readonly #deps: EndpointLoopDeps
  readonly #running = new Set<Promise<void>>()
  readonly #aborting = new AbortController()
  #registered = false

  constructor(endpoint: Endpoint, options: EndpointLoopOptions, deps: EndpointLoopDeps) {
    super({
      everySeconds: options.everySeconds,
      atOnce: true,
      work: (signal) => this.#startDue(signal),
      onFailure: (err) => deps.log.warn({ err, endpoint: endpoint.name }, 'looking for due deliveries failed, the next run retries'),
    })
    this.#endpoint = endpoint
    this.#options = options
    this.#deps = deps
  }

  /** Starts no more deliveries except those that the current run has already claimed. Resolves when none runs. */
  async drain(): Promise<void> {
    await this.stop()
    await Promise.all(this.#running)
  }

  /** Aborts the deliveries that still run. Whether they arrived is unknown, so they are repeated when their leases have expired. */
  abort(): void {
    this.#aborting.abort()
  }

  /** A run ends when nothing is due or the concurrency is used up; each delivery that ends triggers another run. */
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

  /** An attempt is a span in the trace of the upload; events of assets, which come much later, get traces of their own. */
  #attempt(delivery: Delivery): Promise<DeliveryOutcome> {
    const { telemetry } = this.#deps
    const { event, attempt, traceparent } = delivery
    const attributes = {
      'airlock.event.type': event.type,
      'airlock.event.id': event.id,
      'airlock.upload.id': event.uploadId,
      'airlock.webhook.endpoint': this.#endpoint.name,
      'airlock.attempt': attempt,
    }
    const span = { name: 'deliver webhook', kind: 'client', traceparent, onlyLinked: event.type.startsWith('asset.'), attributes } as const
    return telemetry.continueTrace(span, async () => {
      const options = { ...this.#options, signal: this.#aborting.signal, traceparent: telemetry.traceparent() }
      const outcome = await deliver(delivery, this.#endpoint, options, this.#deps)
      telemetry.annotate({ 'airlock.outcome': outcome })
      if (outcome !== 'delivered') telemetry.markFailed(outcome)
      return outcome
    })
  }

  async #deliver(delivery: Delivery): Promise<void> {
    try {
      this.#options.onOutcome(await this.#attempt(delivery))
    } catch (err) {
      const { event, attempt } = delivery
      const fields = { endpoint: this.#endpoint.name, eventId: event.id, uploadId: event.uploadId, attempt, step: 'webhook' }
      this.#deps.log.warn({ ...fields, err }, 'outcome of a webhook delivery not recorded, it will be repeated')
    }
  }
}
