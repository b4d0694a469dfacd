import { sharedResult } from '@airlock/config'
import type { FastifyInstance } from 'fastify'
import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client'
import Type from 'typebox'

/** The gateway's figures. Label values come from closed sets: routes, statuses. */
export class GatewayMetrics {
  readonly registry = new Registry()
  readonly #seconds: Histogram<'method' | 'route' | 'status'>
  readonly files: Counter<'result'>

  constructor() {
    collectDefaultMetrics({ register: this.registry })
    this.#seconds = new Histogram({
      name: 'airlock_http_request_seconds',
      help: 'Time from request to answer',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60],
      registers: [this.registry],
    })
    this.files = new Counter({
      name: 'airlock_files_total',
      help: 'Files that came through the gateway: accepted, or refused with their code',
      labelNames: ['result'],
      registers: [this.registry],
    })
  }

  /** Measures every request of the app and serves the figures; those who ask within a second get the same ones, since anybody may ask. */
  serve(app: FastifyInstance): void {
    const figures = sharedResult(() => this.registry.metrics(), { keepMs: 1000 })
    app.addHook('onResponse', async ({ method, routeOptions }, reply) => {
      this.#seconds.observe({ method, route: routeOptions.url ?? 'unknown', status: String(reply.statusCode) }, reply.elapsedTime / 1000)
    })
    app.get(
      '/metrics',
      {
        schema: {
          operationId: 'getMetrics',
          summary: 'Figures for Prometheus',
          tags: ['operations'],
          response: {
            200: { description: 'Metrics in the text format of Prometheus', content: { 'text/plain': { schema: Type.String() } } },
          },
        },
      },
      async (_request, reply) => {
        reply.type(this.registry.contentType)
        return figures()
      },
    )
  }
}
