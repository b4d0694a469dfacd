import { Counter, collectDefaultMetrics, Registry } from 'prom-client'

/** The worker's figures. Label values come from closed sets. */
export class WorkerMetrics {
  readonly registry = new Registry()
  readonly outcomes: Counter<'outcome'>
  readonly swept: Counter<'rule'>
  readonly purged: Counter<'outcome'>

  constructor() {
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
    this.purged = new Counter({
      name: 'airlock_purged_total',
      help: 'Objects of deleted assets: removed, removed again and finished, spared because they are not ours, postponed',
      labelNames: ['outcome'],
      registers: [this.registry],
    })
  }
}
