import type { EndpointStatus } from '@airlock/database'
import type { Outcome } from '@airlock/lifecycle'
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'

/** The label of each outcome; null: not counted, because the run that ends the upload is counted. */
const outcomeLabels: Record<Outcome['ended'] | 'refused', string | null> = {
  completed: 'completed',
  rejected: 'rejected',
  parked: 'parked',
  retry: 'released',
  handed_back: 'handed_back',
  leased: 'leased',
  throttled: 'throttled',
  nothing: 'nothing',
  refused: 'refused',
  lost: null,
  stopped: null,
}

/** The worker's metrics. Label values come from closed sets. */
export class WorkerMetrics {
  readonly registry = new Registry()
  readonly outcomes: Counter<'outcome'>
  readonly swept: Counter<'rule'>
  readonly found: Counter<'what'>
  readonly purged: Counter<'outcome'>
  readonly eventsPlaced: Counter
  readonly webhookAttempts: Counter<'endpoint' | 'outcome'>
  readonly #endpoints = new Map<string, () => Promise<EndpointStatus>>()

  constructor({ eventLagSeconds }: { eventLagSeconds(): Promise<number> }) {
    collectDefaultMetrics({ register: this.registry })
    this.outcomes = new Counter({
      name: 'airlock_jobs_total',
      help: 'Job runs by outcome',
      labelNames: ['outcome'],
      registers: [this.registry],
    })
    this.swept = new Counter({
      name: 'airlock_swept_total',
      help: 'Uploads and objects that the sweeper repaired or removed, by rule',
      labelNames: ['rule'],
      registers: [this.registry],
    })
    this.found = new Counter({
      name: 'airlock_sweep_found_total',
      help: 'Findings of the sweeper that need an operator: objects that no row proves to be removable, assets without an object',
      labelNames: ['what'],
      registers: [this.registry],
    })
    this.purged = new Counter({
      name: 'airlock_purged_total',
      help: 'Purges by outcome: removed, finished by the second removal, spared because the object is not ours, postponed',
      labelNames: ['outcome'],
      registers: [this.registry],
    })
    this.eventsPlaced = new Counter({
      name: 'airlock_events_placed_total',
      help: 'Events that this worker gave their positions in the feed',
      registers: [this.registry],
    })
    new Gauge({
      name: 'airlock_event_relay_lag_seconds',
      help: 'Time that the oldest event without a position in the feed has waited, in seconds; NaN while Postgres is unavailable',
      registers: [this.registry],
      async collect() {
        this.set(await eventLagSeconds().catch(() => Number.NaN)) // /health/ready reports that Postgres is unavailable
      },
    })
    this.webhookAttempts = new Counter({
      name: 'airlock_webhook_attempts_total',
      help: 'Webhook delivery attempts by endpoint and outcome',
      labelNames: ['endpoint', 'outcome'],
      registers: [this.registry],
    })
    this.#gaugeOfEndpoints('airlock_webhook_lag_seconds', 'Time that the oldest undelivered event has waited, in seconds', 'lagSeconds')
    this.#gaugeOfEndpoints('airlock_webhook_dead_letters', 'Events whose delivery was given up', 'dead')
  }

  /** Counts a run of a job by its outcome; `refused`: its payload or its announcement was invalid. */
  countRun(outcome: Outcome['ended'] | 'refused'): void {
    const label = outcomeLabels[outcome]
    if (label !== null) this.outcomes.inc({ outcome: label })
  }

  /** Adds metrics of an endpoint. Endpoints come from the configuration. */
  watchEndpoint(name: string, status: () => Promise<EndpointStatus>): void {
    this.#endpoints.set(name, status)
  }

  #gaugeOfEndpoints(name: string, help: string, field: keyof EndpointStatus): void {
    const endpoints = this.#endpoints
    new Gauge({
      name,
      help: `${help}; NaN while Postgres is unavailable`,
      labelNames: ['endpoint'],
      registers: [this.registry],
      async collect() {
        const collected = [...endpoints].map(async ([endpoint, status]) => {
          const current = await status().catch(() => null) // /health/ready reports that Postgres is unavailable
          this.set({ endpoint }, current?.[field] ?? Number.NaN)
        })
        await Promise.all(collected)
      },
    })
  }
}
