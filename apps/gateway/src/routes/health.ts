import { sharedResult } from '@airlock/config'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyBaseLogger } from 'fastify'
import Type from 'typebox'

const Alive = Type.Object({ status: Type.Literal('ok') }, { title: 'Alive', description: 'The process runs' })

const ServerHealth = Type.Object(
  { status: Type.Enum(['connected', 'unavailable']), latency_ms: Type.Number() },
  { title: 'ServerHealth', description: 'How a server behind Airlock answers' },
)

const Health = Type.Object(
  {
    status: Type.Enum(['ok', 'degraded']),
    dependencies: Type.Object({ database: ServerHealth, redis: ServerHealth, s3: ServerHealth }),
  },
  { title: 'Health', description: 'How the servers behind Airlock are' },
)

export interface HealthRouteDeps {
  /** Each resolves when its server answers, and rejects otherwise. */
  checks: Record<'database' | 'redis' | 's3', () => Promise<unknown>>
  /** The longest that one check may take, in ms. */
  timeoutMs: number
  /** Whether new requests are still wanted. */
  isReady(): boolean
}

/** For how long a result is given out again, in ms. Anybody may ask, as often as they like; that costs the servers one check a second. */
const keepMs = 1000

/** Whether the process runs, how its servers are, and whether to send requests here. Only the last depends on `isReady`. */
export const healthRoutes =
  (deps: HealthRouteDeps): FastifyPluginAsyncTypebox =>
  async (app) => {
    const health = sharedResult(healthOf(deps, app.log), { keepMs })
    const tags = ['operations']

    app.get(
      '/health/live',
      { schema: { operationId: 'getLiveness', tags, summary: 'Whether the process runs', response: { 200: Alive } } },
      async () => ({
        status: 'ok' as const,
      }),
    )

    app.get(
      '/api/health',
      { schema: { operationId: 'getHealth', tags, summary: 'How the servers behind Airlock are', response: { 200: Health } } },
      health,
    )

    app.get(
      '/health/ready',
      { schema: { operationId: 'getReadiness', tags, summary: 'Whether to send requests here', response: { 200: Health, 503: Health } } },
      async (_request, reply) => {
        const answer = await health()
        if (answer.status === 'degraded' || !deps.isReady()) reply.code(503)
        return answer
      },
    )
  }

type Server = keyof HealthRouteDeps['checks']

/** @returns asks all servers. Why one is unavailable is for the log alone, once each time that it becomes so. */
function healthOf({ checks, timeoutMs }: HealthRouteDeps, log: Pick<FastifyBaseLogger, 'warn' | 'info'>) {
  const unavailable = new Set<Server>()
  const note = (server: Server, err: Error | null): void => {
    if (err !== null && !unavailable.has(server)) log.warn({ server, err }, 'server fails its health check')
    if (err === null && unavailable.delete(server)) log.info({ server }, 'server passes its health check again')
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
    const allWell = Object.values(dependencies).every(({ status }) => status === 'connected')
    return { status: allWell ? ('ok' as const) : ('degraded' as const), dependencies }
  }
}

/** @returns null when the server answers well in time */
async function failureOf(check: () => Promise<unknown>, timeoutMs: number): Promise<Error | null> {
  const late = Promise.withResolvers<Error>()
  const timer = setTimeout(() => late.resolve(new Error(`no answer in ${timeoutMs} ms`)), timeoutMs)
  const checked = check().then(
    () => null,
    (error: Error) => error,
  )
  return Promise.race([checked, late.promise]).finally(() => clearTimeout(timer))
}
