import { Redis } from 'ioredis'
import { startContainerServer, throughContainer } from '../container-server.ts'
import { freePort } from '../free-ports.ts'
import { onFreePorts, startLocalServer } from '../local-server.ts'
import { mayUse, type Provider, type Server, type StackContext } from '../server.ts'
import { findRedis } from './redis-program.ts'

export interface RedisAddress {
  readonly url: string
}

/** The providers of Redis, in order of preference. */
export const redisProviders = (givenBy: string): readonly Provider<RedisAddress>[] => [
  { kinds: ['given'], open: (context) => given(givenBy, context) },
  { kinds: ['redis-container'], open: container },
  { kinds: ['redis-server', 'valkey-server'], open: local },
]

/** Jobs must not be evicted if memory runs out: BullMQ would lose them silently. */
const settingsFor = ({ ephemeral }: StackContext): string[] => [
  ...['--maxmemory-policy', 'noeviction'],
  ...(ephemeral ? ['--appendonly', 'no', '--save', ''] : ['--appendonly', 'yes', '--save', '']),
]

/** @throws Error until the server answers PING */
export async function redisAnswers(url: string): Promise<void> {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 2_000,
    commandTimeout: 2_000,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  })
  redis.on('error', () => {}) // the call below reports the failure
  try {
    await redis.connect()
    await redis.ping()
  } finally {
    redis.disconnect()
  }
}

async function given(variable: string, { env, file }: StackContext): Promise<Server<RedisAddress> | string> {
  const url = env[variable]
  if (!url) return ''
  const { hostname, port } = new URL(url)
  await redisAnswers(url).catch((cause: unknown) => {
    throw new Error(`${variable} names ${hostname}:${port || 6379}, where no Redis responds: ${(cause as Error).message}`, { cause })
  })
  file.server('redis', { kind: 'given', url })
  return { name: 'redis', kind: 'given', address: { url }, where: `given by ${variable}, ${hostname}:${port || 6379}`, controls: null }
}

const container = (context: StackContext) =>
  throughContainer<RedisAddress>('redis', context, async (engine, image) => {
    const here = await freePort()
    const url = `redis://127.0.0.1:${here}`
    const controls = await startContainerServer(
      {
        name: 'redis',
        kind: 'redis-container',
        url,
        image,
        ports: { inside: 6379, here },
        command: ['valkey-server', ...settingsFor(context)],
        environment: {},
        data: '/data',
        answers: () => redisAnswers(url),
      },
      engine,
      context,
    )
    return { name: 'redis', kind: 'redis-container', address: { url }, where: `container ${image} at 127.0.0.1:${here}`, controls }
  })

async function local(context: StackContext): Promise<Server<RedisAddress> | string> {
  if (!mayUse('local', context.env)) return ''
  const program = await findRedis(context)
  if ('missing' in program) return program.missing
  return onFreePorts(() => start(program, context))
}

async function start({ path, kind }: { path: string; kind: string }, context: StackContext): Promise<Server<RedisAddress>> {
  const port = await freePort()
  const url = `redis://127.0.0.1:${port}`
  const data = context.file.subfolder('redis')
  const controls = await startLocalServer(
    {
      name: 'redis',
      kind,
      url,
      command: path,
      args: ['--bind', '127.0.0.1', '--port', String(port), '--dir', data, '--daemonize', 'no', '--logfile', '', ...settingsFor(context)],
      cwd: data,
      answers: () => redisAnswers(url),
      signals: { stop: 'SIGTERM', discard: 'SIGKILL' },
    },
    context,
  )
  return { name: 'redis', kind, address: { url }, where: `local process (${path}) at 127.0.0.1:${port}, data in ${data}`, controls }
}
