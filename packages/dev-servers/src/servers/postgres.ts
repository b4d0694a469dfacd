import pg from 'pg'
import { startContainerServer, throughContainer } from '../container-server.ts'
import { freePort } from '../free-ports.ts'
import type { Provider, Server, StackContext } from '../server.ts'
import { localPostgres } from './postgres-local.ts'

export interface PostgresAddress {
  readonly url: string
}

/** The providers of Postgres, in order of preference. */
export const postgresProviders = (givenBy: string): readonly Provider<PostgresAddress>[] => [
  { kinds: ['given'], open: (context) => given(givenBy, context) },
  { kinds: ['postgres-container'], open: container },
  { kinds: ['embedded-postgres'], open: localPostgres },
]

/** Settings without fsync, because data of tests is not needed after a crash of the machine. */
export const settingsFor = ({ ephemeral }: Pick<StackContext, 'ephemeral'>): Record<string, string> =>
  ephemeral ? { max_connections: '300', fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' } : { max_connections: '200' }

/** @throws Error until the server accepts connections and runs statements */
export async function postgresAnswers(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 3_000, query_timeout: 3_000 })
  client.on('error', () => {}) // the call below reports the failure
  try {
    await client.connect()
    await client.query('select 1')
  } finally {
    await client.end().catch(() => {})
  }
}

async function given(variable: string, { env, file }: StackContext): Promise<Server<PostgresAddress> | string> {
  const url = env[variable]
  if (!url) return ''
  const { hostname, port, pathname } = new URL(url)
  await postgresAnswers(url).catch((cause: unknown) => {
    throw new Error(`${variable} names ${hostname}:${port || 5432}, where Postgres refuses the connection: ${(cause as Error).message}`, {
      cause,
    })
  })
  file.server('postgres', { kind: 'given', url })
  return {
    name: 'postgres',
    kind: 'given',
    address: { url },
    where: `given by ${variable}, ${hostname}:${port || 5432}${pathname}`,
    controls: null,
  }
}

const container = (context: StackContext) =>
  throughContainer<PostgresAddress>('postgres', context, async (engine, image) => {
    const password = context.file.secret('postgresPassword')
    const here = await freePort()
    const url = `postgres://airlock:${password}@127.0.0.1:${here}/airlock`
    const controls = await startContainerServer(
      {
        name: 'postgres',
        kind: 'postgres-container',
        url,
        image,
        ports: { inside: 5432, here },
        command: ['postgres', ...Object.entries(settingsFor(context)).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
        environment: { POSTGRES_USER: 'airlock', POSTGRES_PASSWORD: password, POSTGRES_DB: 'airlock' },
        data: '/var/lib/postgresql',
        answers: () => postgresAnswers(url),
      },
      engine,
      context,
    )
    return { name: 'postgres', kind: 'postgres-container', address: { url }, where: `container ${image} at 127.0.0.1:${here}`, controls }
  })
