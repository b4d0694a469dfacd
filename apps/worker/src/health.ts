import { shareResult } from '@airlock/async'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Registry } from 'prom-client'

export interface HealthDeps {
  registry: Registry
  /** Each rejects if its server does not respond. */
  checks: Record<'database' | 'redis' | 's3', () => Promise<unknown>>
  isReady(): boolean
}

/** How long a result is reused, in ms. Requests are not limited; they cost the servers at most one check per second. */
const keepMs = 1000

/** The worker's HTTP server for liveness, readiness and metrics. */
export function healthServer({ registry, checks, isReady }: HealthDeps): FastifyInstance {
  const app = Fastify({ logger: false, forceCloseConnections: true })
  const dependencies = shareResult(() => statusesOf(checks), { keepMs })
  const metrics = shareResult(() => registry.metrics(), { keepMs })
  app.get('/health/live', async () => ({ status: 'ok' }))
  app.get('/health/ready', async (_request, reply) => {
    const statuses = await dependencies()
    const healthy = isReady() && Object.values(statuses).every(({ status }) => status === 'connected')
    return reply.code(healthy ? 200 : 503).send({ status: healthy ? 'ok' : 'degraded', dependencies: statuses })
  })
  app.get('/metrics', async (_request, reply) => {
    reply.type(registry.contentType)
    return metrics()
  })
  return app
}

type Checks = HealthDeps['checks']
type Status = { status: 'connected' | 'unavailable' }

async function statusesOf(checks: Checks): Promise<Record<keyof Checks, Status>> {
  const statusOf = (check: () => Promise<unknown>): Promise<Status> =>
    check().then(
      () => ({ status: 'connected' }),
      () => ({ status: 'unavailable' }),
    )
  const [database, redis, s3] = await Promise.all([statusOf(checks.database), statusOf(checks.redis), statusOf(checks.s3)])
  return { database, redis, s3 }
}
