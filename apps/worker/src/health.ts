import Fastify, { type FastifyInstance } from 'fastify'
import type { Registry } from 'prom-client'

export interface HealthDeps {
  registry: Registry
  /** Each rejects when its server does not answer. */
  checks: Record<'database' | 'redis' | 's3', () => Promise<unknown>>
  isReady(): boolean
}

/** The worker's own small server: is it alive, is it ready, what are its figures. */
export function healthServer({ registry, checks, isReady }: HealthDeps): FastifyInstance {
  const app = Fastify({ logger: false, forceCloseConnections: true })
  app.get('/health/live', async () => ({ status: 'ok' }))
  app.get('/health/ready', async (_request, reply) => {
    const names = Object.keys(checks) as (keyof typeof checks)[]
    const results = await Promise.allSettled(names.map((name) => checks[name]()))
    const dependencies = Object.fromEntries(
      names.map((name, i) => [name, { status: results[i]?.status === 'fulfilled' ? 'connected' : 'unavailable' }]),
    )
    const well = isReady() && results.every(({ status }) => status === 'fulfilled')
    return reply.code(well ? 200 : 503).send({ status: well ? 'ok' : 'degraded', dependencies })
  })
  app.get('/metrics', async (_request, reply) => {
    reply.type(registry.contentType)
    return registry.metrics()
  })
  return app
}
