import { shareResult } from '@airlock/async'
import type { Metrics, Reading } from '@airlock/config'
import type { Door } from '@airlock/database'
import { type AssetType, assetTypes, type ErrorCode, errorCodes } from '@airlock/domain'
import type { FastifyInstance, RouteOptions } from 'fastify'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import Type from 'typebox'

/** How long the metrics are reused, in ms. Requests for them are not limited. */
const keepMs = 1000

/** Server errors that alerts compare; each route has them from the start. */
const watchedStatuses = ['500', '503']

/** Requests for paths that do not exist. */
const unknownRoute = { method: 'any', route: 'unknown' }

/** The gateway's metrics (docs/metrics.md). Label values come from closed sets: routes, statuses, codes. */
export class GatewayMetrics implements Metrics {
  readonly #registry = new Registry()
  readonly #seconds: Histogram<'method' | 'route' | 'status'>
  readonly #files: Counter<'result'>
  readonly #receivedBytes: Counter<'door' | 'kind'>
  readonly text = shareResult(() => this.#registry.metrics(), { keepMs })

  /** @param readings of the process, its servers and its permits */
  constructor(readings: readonly Reading[]) {
    const registers = [this.#registry]
    collectDefaultMetrics({ register: this.#registry })
    this.#seconds = new Histogram({
      name: 'airlock_http_request_seconds',
      help: 'Time from request to response, in seconds',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60],
      registers,
    })
    this.#files = new Counter({
      name: 'airlock_files_total',
      help: 'Files that the gateway received, by result: accepted, or the code of the error',
      labelNames: ['result'],
      registers,
    })
    for (const result of ['accepted', ...errorCodes]) this.#files.inc({ result }, 0)
    this.#receivedBytes = new Counter({
      name: 'airlock_received_bytes_total',
      help: 'Bytes of accepted files, by door and kind',
      labelNames: ['door', 'kind'],
      registers,
    })
    for (const kind of assetTypes) for (const door of ['form', 'direct']) this.#receivedBytes.inc({ door, kind }, 0)
    this.#receivedBytes.inc({ door: 'pipeline', kind: 'generated_video' }, 0)
    for (const { name, help, labelNames, read } of readings) {
      new Gauge({
        name,
        help,
        labelNames,
        registers,
        async collect() {
          await read((labels, value) => this.set(labels, value))
        },
      })
    }
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  countFiles(result: 'accepted' | ErrorCode, count = 1): void {
    this.#files.inc({ result }, count)
  }

  countBytes(door: Door, kind: AssetType, bytes: number): void {
    this.#receivedBytes.inc({ door, kind }, bytes)
  }

  /** Measures every request. Call it before routes are registered, each of which then has its series. */
  measure(app: FastifyInstance): void {
    for (const status of ['404', '405']) this.#seconds.zero({ ...unknownRoute, status })
    app.addHook('onRoute', (options) => this.#prepare(options))
    app.addHook('onResponse', async ({ method, routeOptions }, reply) => {
      const labels = routeOptions.url === undefined ? unknownRoute : { method, route: routeOptions.url }
      this.#seconds.observe({ ...labels, status: String(reply.statusCode) }, reply.elapsedTime / 1000)
    })
  }

  #prepare({ method, url: route, schema }: RouteOptions): void {
    const declared = Object.keys((schema?.response as object | undefined) ?? {}).filter((status) => /^\d+$/.test(status))
    for (const one of [method].flat().filter((name) => name !== 'HEAD' && name !== 'OPTIONS'))
      for (const status of new Set([...declared, ...watchedStatuses])) this.#seconds.zero({ method: one, route, status })
  }

  /** Serves the metrics on the port for clients. */
  serve(app: FastifyInstance): void {
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
        reply.type(this.contentType)
        return this.text()
      },
    )
  }
}

/** The permits of files in flight (docs/operating.md). */
export const permitReadings = (use: () => { inUse: number; limit: number }): Reading[] => [
  {
    name: 'airlock_permits_in_use',
    help: 'Files that are being received',
    labelNames: [],
    read: (set) => set({}, use().inUse),
  },
  {
    name: 'airlock_permits_limit',
    help: 'Maximum of files that are received at once',
    labelNames: [],
    read: (set) => set({}, use().limit),
  },
]
