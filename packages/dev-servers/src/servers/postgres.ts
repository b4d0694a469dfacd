import pg from 'pg'
import { containerProvider } from '../container-server.ts'
import { givenUrl, type StackContext, type UrlAddress } from '../server.ts'

export const givenPostgres = (givenBy: string) => givenUrl('postgres', givenBy, 5432, postgresAnswers)

export const containerPostgres = containerProvider<UrlAddress>('postgres', 'postgres-container', (here, context) => {
  const password = context.file.secret('postgresPassword')
  const url = `postgres://airlock:${password}@127.0.0.1:${here}/airlock`
  return {
    url,
    address: { url },
    port: 5432,
    command: ['postgres', ...Object.entries(settingsFor(context)).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    environment: { POSTGRES_USER: 'airlock', POSTGRES_PASSWORD: password, POSTGRES_DB: 'airlock' },
    data: '/var/lib/postgresql',
    answers: () => postgresAnswers(url),
  }
})

/** Settings without fsync, because data of tests is not needed after a crash of the machine. */
export const settingsFor = ({ ephemeral }: Pick<StackContext, 'ephemeral'>): Record<string, string> =>
  ephemeral ? { max_connections: '300', fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' } : { max_connections: '200' }

/** Runs work on a connection of its own. @param queryMs maximum duration of a statement */
export async function withPostgres<T>(url: string, work: (client: pg.Client) => Promise<T>, queryMs = 3_000): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: Math.min(queryMs, 10_000), query_timeout: queryMs })
  client.on('error', () => {}) // the failed call reports it
  try {
    await client.connect()
    return await work(client)
  } finally {
    await client.end().catch(() => {})
  }
}

/** The URL of another database on the same server. */
export function urlOfDatabase(server: string, name: string): string {
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}

/** @throws Error until the server accepts connections and runs statements */
export const postgresAnswers = (url: string): Promise<unknown> => withPostgres(url, (client) => client.query('select 1'))
