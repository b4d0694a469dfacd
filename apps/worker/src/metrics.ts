import { Counter, collectDefaultMetrics, Registry } from 'prom-client'

/** The worker's figures. Label values come from closed sets. */
export class WorkerMetrics {
  readonly registry = new Registry()
  readonly outcomes: Counter<'outcome'>
  readonly swept: Counter<'rule'>

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
  }
}
