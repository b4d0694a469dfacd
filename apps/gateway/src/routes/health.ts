import { shareResult, withTimeout } from '@airlock/async'
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
  /** Each resolves if its server responds, and rejects otherwise. */
  checks: Record<'database' | 'redis' | 's3', () => Promise<unknown>>
  /** Timeout of one check, in ms. */
  timeoutMs: number
  /** Whether new requests are still accepted. */
  isReady(): boolean
}

/** How long a result is reused, in ms. The routes are exempt from the request limit, but cause at most one check of the servers per second. */
const keepMs = 1000

/** Liveness, the state of the servers, and readiness. Only readiness depends on `isReady`. */
export const healthRoutes =
  (deps: HealthRouteDeps): FastifyPluginAsyncTypebox =>
  async (app) => {
    const health = shareResult(healthOf(deps, app.log), { keepMs })
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

type Server = keyof HealthRouteDeps['checks']

/** @returns a function that checks all servers. The reason for a failure is only logged, once when a server becomes unavailable. */
function healthOf({ checks, timeoutMs }: HealthRouteDeps, log: Pick<FastifyBaseLogger, 'warn' | 'info'>) {
  const unavailable = new Set<Server>()
  const note = (server: Server, err: Error | null): void => {
    if (err !== null && !unavailable.has(server)) log.warn({ server, err }, 'health check of server failed')
    if (err === null && unavailable.delete(server)) log.info({ server }, 'health check of server succeeds again')
    if (err !== null) unavailable.add(server)
  }
  const dependency = async (server: Server) => {
    const started = performance.now()
    const err = await failureOf(checks[server], timeoutMs)
    note(server, err)
    const status = err === null ? ('connected' as const) : ('unavailable' as const)
    return { status, latency_ms: Math.round(performance.now() - started) }
  }
  return async () => {
    const [database, redis, s3] = await Promise.all([dependency('database'), dependency('redis'), dependency('s3')])
    const dependencies = { database, redis, s3 }
    const allConnected = Object.values(dependencies).every(({ status }) => status === 'connected')
    return { status: allConnected ? ('ok' as const) : ('degraded' as const), dependencies }
  }
}

/** @returns null if the check succeeds in time */
async function failureOf(check: () => Promise<unknown>, timeoutMs: number): Promise<Error | null> {
  return withTimeout(check(), timeoutMs, () => new Error(`no answer in ${timeoutMs} ms`)).then(
    () => null,
    (error: Error) => error,
  )
}
