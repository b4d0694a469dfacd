import type { Dependency, DependencyStates, Metrics } from '@airlock/config'
import Fastify, { type FastifyInstance } from 'fastify'

export interface HealthDeps {
  /** Null: they are served on a separate port. */
  metrics: Metrics | null
  states: () => Promise<DependencyStates>
  isReady(): boolean
}

/** The names of the servers in responses. */
const names = { postgres: 'database', redis: 'redis', s3: 's3' } as const satisfies Record<Dependency, string>

/** The worker's HTTP server for liveness, readiness and metrics. */
export function healthServer({ metrics, states, isReady }: HealthDeps): FastifyInstance {
  const app = Fastify({ logger: false, forceCloseConnections: true })
  app.get('/health/live', async () => ({ status: 'ok' }))
  app.get('/health/ready', async (_request, reply) => {
    const current = Object.entries(await states())
    const dependencies = Object.fromEntries(
      current.map(([name, { failure }]) => [names[name as Dependency], { status: failure === null ? 'connected' : 'unavailable' }]),
    )
    const healthy = isReady() && current.every(([, { failure }]) => failure === null)
    return reply.code(healthy ? 200 : 503).send({ status: healthy ? 'ok' : 'degraded', dependencies })
  })
  if (metrics !== null) app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()))
  return app
}
