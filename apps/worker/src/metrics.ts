import type { EndpointStanding } from '@airlock/database'
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'

/** The worker's figures. Label values come from closed sets. */
export class WorkerMetrics {
  readonly registry = new Registry()
  readonly outcomes: Counter<'outcome'>
  readonly swept: Counter<'rule'>
  readonly found: Counter<'what'>
  readonly purged: Counter<'outcome'>
  readonly eventsPlaced: Counter
  readonly webhookAttempts: Counter<'endpoint' | 'outcome'>
  readonly #endpoints = new Map<string, () => Promise<EndpointStanding>>()

  constructor({ eventLagSeconds }: { eventLagSeconds(): Promise<number> }) {
    collectDefaultMetrics({ register: this.registry })
    this.outcomes = new Counter({
      name: 'airlock_jobs_total',
      help: 'Runs of jobs by how they ended',
      labelNames: ['outcome'],
      registers: [this.registry],
    })
    this.swept = new Counter({
      name: 'airlock_swept_total',
      help: 'Uploads that the sweeper got moving again, by its rule',
      labelNames: ['rule'],
      registers: [this.registry],
    })
    this.found = new Counter({
      name: 'airlock_sweep_found_total',
      help: 'What passes of the sweeper met that only people can decide about: objects that no row proves to be over, assets without their object',
      labelNames: ['what'],
      registers: [this.registry],
    })
    this.purged = new Counter({
      name: 'airlock_purged_total',
      help: 'Objects of deleted assets: removed, removed again and finished, spared because they are not ours, postponed',
      labelNames: ['outcome'],
      registers: [this.registry],
    })
    this.eventsPlaced = new Counter({
      name: 'airlock_events_placed_total',
      help: 'Events that this worker gave their place in the feed',
      registers: [this.registry],
    })
    new Gauge({
      name: 'airlock_event_relay_lag_seconds',
      help: 'For how long the oldest event has waited for its place in the feed; NaN while Postgres does not answer',
      registers: [this.registry],
      async collect() {
        this.set(await eventLagSeconds().catch(() => Number.NaN)) // what is wrong with Postgres, /health/ready says
      },
    })
    this.webhookAttempts = new Counter({
      name: 'airlock_webhook_attempts_total',
      help: 'Attempts to tell endpoints of events by how they ended',
      labelNames: ['endpoint', 'outcome'],
      registers: [this.registry],
    })
    this.#gaugeOfEndpoints('airlock_webhook_lag_seconds', 'For how long the oldest event has waited for an endpoint', 'lagSeconds')
    this.#gaugeOfEndpoints('airlock_webhook_dead_letters', 'Events that an endpoint did not take and that were given up', 'dead')
  }

  /** From now on figures say how an endpoint stands. Endpoints are those of the configuration. */
  watchEndpoint(name: string, standing: () => Promise<EndpointStanding>): void {
    this.#endpoints.set(name, standing)
  }

  #gaugeOfEndpoints(name: string, help: string, figure: keyof EndpointStanding): void {
    const endpoints = this.#endpoints
    new Gauge({
      name,
      help: `${help}; NaN while Postgres does not answer`,
      labelNames: ['endpoint'],
      registers: [this.registry],
      async collect() {
        const asked = [...endpoints].map(async ([endpoint, standing]) => {
          const stands = await standing().catch(() => null) // what is wrong with Postgres, /health/ready says
          this.set({ endpoint }, stands?.[figure] ?? Number.NaN)
        })
        await Promise.all(asked)
      },
    })
  }
}
