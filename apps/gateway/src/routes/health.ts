import type { Dependency, DependencyStates } from '@airlock/config'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyBaseLogger } from 'fastify'
import Type from 'typebox'

const Alive = Type.Object({ status: Type.Literal('ok') }, { title: 'Alive', description: 'The process is running' })

const ServerHealth = Type.Object(
  { status: Type.Enum(['connected', 'unavailable']), latency_ms: Type.Number() },
  { title: 'ServerHealth', description: 'The state of a server that Airlock depends on' },
)

const Health = Type.Object(
  {
    status: Type.Enum(['ok', 'degraded']),
    dependencies: Type.Object({ database: ServerHealth, redis: ServerHealth, s3: ServerHealth }),
  },
  { title: 'Health', description: 'The state of the servers that Airlock depends on' },
)

export interface HealthRouteDeps {
  states: () => Promise<DependencyStates>
  /** Whether new requests are still accepted. */
  isReady(): boolean
}

/** Liveness, the state of the servers, and readiness. Only readiness depends on `isReady`. */
export const healthRoutes =
  (deps: HealthRouteDeps): FastifyPluginAsyncTypebox =>
  async (app) => {
    const health = healthOf(deps, app.log)
    const tags = ['operations']

    app.get(
      '/health/live',
      { schema: { operationId: 'getLiveness', tags, summary: 'Check whether the process is running', response: { 200: Alive } } },
      async () => ({
        status: 'ok' as const,
      }),
    )

    app.get(
      '/api/health',
      {
        schema: {
          operationId: 'getHealth',
          tags,
          summary: 'Get the state of the servers that Airlock depends on',
          response: { 200: Health },
        },
      },
      health,
    )

    app.get(
      '/health/ready',
      {
        schema: {
          operationId: 'getReadiness',
          tags,
          summary: 'Check whether to send requests to this process',
          response: { 200: Health, 503: Health },
        },
      },
      async (_request, reply) => {
        const answer = await health()
        if (answer.status === 'degraded' || !deps.isReady()) reply.code(503)
        return answer
      },
    )
  }

/** The names of the servers in responses. */
const names = { postgres: 'database', redis: 'redis', s3: 's3' } as const satisfies Record<Dependency, string>

/** @returns a function that reports all servers. The reason for a failure is only logged, once when a server becomes unavailable. */
function healthOf({ states }: HealthRouteDeps, log: Pick<FastifyBaseLogger, 'warn' | 'info'>) {
  const unavailable = new Set<string>()
  const note = (server: string, err: Error | null): void => {
    if (err !== null && !unavailable.has(server)) log.warn({ server, err }, 'health check of server failed')
    if (err === null && unavailable.delete(server)) log.info({ server }, 'health check of server succeeds again')
    if (err !== null) unavailable.add(server)
  }
  return async () => {
    const current = await states()
    const healthOne = (dependency: Dependency) => {
      const { failure, ms } = current[dependency]
      note(names[dependency], failure)
      return { status: failure === null ? ('connected' as const) : ('unavailable' as const), latency_ms: Math.round(ms) }
    }
    const dependencies = { database: healthOne('postgres'), redis: healthOne('redis'), s3: healthOne('s3') }
    const allConnected = Object.values(dependencies).every(({ status }) => status === 'connected')
    return { status: allConnected ? ('ok' as const) : ('degraded' as const), dependencies }
  }
}
