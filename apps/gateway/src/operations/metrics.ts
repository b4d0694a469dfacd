import { shareResult } from '@airlock/async'
import type { FastifyInstance } from 'fastify'
import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client'
import Type from 'typebox'

/** The gateway's metrics. Label values come from closed sets: routes, statuses. */
export class GatewayMetrics {
  readonly registry = new Registry()
  readonly #seconds: Histogram<'method' | 'route' | 'status'>
  readonly files: Counter<'result'>

  constructor() {
    collectDefaultMetrics({ register: this.registry })
    this.#seconds = new Histogram({
      name: 'airlock_http_request_seconds',
      help: 'Time from request to response, in seconds',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60],
      registers: [this.registry],
    })
    this.files = new Counter({
      name: 'airlock_files_total',
      help: 'Files that the gateway received, by result: accepted, or the code of the refusal',
      labelNames: ['result'],
      registers: [this.registry],
    })
  }

  /** Measures every request and serves the metrics. Their text is reused for a second, because `/metrics` is exempt from the request limit. */
  serve(app: FastifyInstance): void {
    const metrics = shareResult(() => this.registry.metrics(), { keepMs: 1000 })
    app.addHook('onResponse', async ({ method, routeOptions }, reply) => {
      this.#seconds.observe({ method, route: routeOptions.url ?? 'unknown', status: String(reply.statusCode) }, reply.elapsedTime / 1000)
    })
    app.get(
      '/metrics',
      {
        schema: {
          operationId: 'getMetrics',
          summary: 'Metrics for Prometheus',
          tags: ['operations'],
          response: {
            200: { description: 'Metrics in the text format of Prometheus', content: { 'text/plain': { schema: Type.String() } } },
          },
        },
      },
      async (_request, reply) => {
        reply.type(this.registry.contentType)
        return metrics()
      },
    )
  }
}
