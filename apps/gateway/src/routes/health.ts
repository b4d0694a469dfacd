import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'

const Alive = Type.Object({ status: Type.Literal('ok') })

const Dependency = Type.Object({
  status: Type.Union([Type.Literal('connected'), Type.Literal('unavailable')]),
  latency_ms: Type.Number(),
})

const Health = Type.Object({
  status: Type.Union([Type.Literal('ok'), Type.Literal('degraded')]),
  dependencies: Type.Object({ database: Dependency, redis: Dependency, s3: Dependency }),
})

export interface HealthRouteDeps {
  /** Each resolves when its server answers, and rejects otherwise. */
  checks: Record<'database' | 'redis' | 's3', () => Promise<unknown>>
  /** The longest that one check may take, in ms. */
  timeoutMs: number
  /** Whether new requests are still wanted. */
  isReady(): boolean
}

export const healthRoutes =
  (deps: HealthRouteDeps): FastifyPluginAsyncTypebox =>
  async (app) => {
    app.get('/health/live', { schema: { summary: 'Whether the process runs', response: { 200: Alive } } }, async () => ({
      status: 'ok' as const,
    }))

    app.get('/api/health', { schema: { summary: 'How the servers behind Airlock are', response: { 200: Health } } }, () => health(deps))

    app.get(
      '/health/ready',
      { schema: { summary: 'Whether to send requests here', response: { 200: Health, 503: Health } } },
      async (_request, reply) => {
        const answer = await health(deps)
        if (answer.status === 'degraded' || !deps.isReady()) reply.code(503)
        return answer
      },
    )
  }

async function health({ checks, timeoutMs }: HealthRouteDeps) {
  const [database, redis, s3] = await Promise.all([checks.database, checks.redis, checks.s3].map((check) => look(check, timeoutMs)))
  if (database === undefined || redis === undefined || s3 === undefined) throw new Error('a check gave no result')
  const dependencies = { database, redis, s3 }
  const allWell = Object.values(dependencies).every(({ status }) => status === 'connected')
  return { status: allWell ? ('ok' as const) : ('degraded' as const), dependencies }
}

async function look(check: () => Promise<unknown>, timeoutMs: number) {
  const started = performance.now()
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`no answer in ${timeoutMs} ms`)), timeoutMs)
  const status = await Promise.race([check(), late]).then(
    () => 'connected' as const,
    () => 'unavailable' as const,
  )
  clearTimeout(timer)
  return { status, latency_ms: Math.round(performance.now() - started) }
}
