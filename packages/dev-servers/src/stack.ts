import { chmodSync, existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findEngine } from './engine.ts'
import {
  assertNotInUse,
  assertStackAtRest,
  contents,
  endLeftovers,
  ephemeralPrefix,
  removeDeadEphemeralStacks,
  removeServerData,
} from './leftovers.ts'
import { type Reaper, startReaper } from './reaper.ts'
import { type Provider, type Server, type StackContext, startFirstAvailable } from './server.ts'
import { type PostgresAddress, postgresProviders } from './servers/postgres.ts'
import { type RedisAddress, redisProviders } from './servers/redis.ts'
import { type S3Address, type S3Kind, s3Providers } from './servers/s3.ts'
import { readStackRecord, type ServerName, StackFile, StackFileDamaged, type StackRecord } from './stack-file.ts'

/** What each server's address looks like. */
export interface Addresses {
  postgres: PostgresAddress
  redis: RedisAddress
  s3: S3Address
}

export interface StackOptions {
  /** Where data, logs and stack.json go; `.airlock` in the clone when left out. Ephemeral stacks make one of their own. */
  readonly dataDir?: string
  readonly env?: NodeJS.ProcessEnv
  /** Gets one line for each server, and more while something is fetched. */
  readonly say: (line: string) => void
  /** For one run of tests: takes its servers from TEST_… variables only, and leaves nothing behind. */
  readonly ephemeral?: boolean
}

/** Postgres, Redis and S3, all serving. */
export interface Stack {
  readonly postgres: PostgresAddress & { readonly kind: string }
  readonly redis: RedisAddress & { readonly kind: string }
  readonly s3: S3Address & { readonly kind: S3Kind }
  readonly servers: { readonly [name in ServerName]: Server<Addresses[name]> }
  /** stack.json: name the processes beside the servers, the settings for others, and secrets there. */
  readonly file: StackFile
  /** The settings of gateway and worker which name these servers. */
  readonly environment: Record<string, string>
  /** Ends every server that was started here, and removes an ephemeral stack's data. Twice does no harm. */
  stop(): Promise<void>
}

const clone = fileURLToPath(new URL('../../..', import.meta.url))

/** Where Airlock keeps its data unless told otherwise. */
export const defaultDataDir = (env: NodeJS.ProcessEnv = process.env): string => resolve(env.AIRLOCK_DATA_DIR || join(clone, '.airlock'))

/**
 * Brings up Postgres, Redis and S3: each from a URL in the environment, else from a container, else as a local process.
 * What an earlier, killed run left behind is ended first. Should this process die, a reaper ends the servers.
 *
 * @throws StackInUse when a living process holds the data folder
 * @throws Error that says for which server every road was closed, and why; nothing is left running then
 */
export async function startStack({ dataDir, env = process.env, say, ephemeral = false }: StackOptions): Promise<Stack> {
  const opened = await openFolder({ dataDir: dataDir ?? defaultDataDir(env), env, say, ephemeral })
  const { context, stop } = opened
  const start = <Name extends ServerName>(name: Name) => opened.start(name)
  const settled = await Promise.allSettled([start('postgres'), start('redis'), start('s3')])
  const [postgres, redis, s3] = settled
  if (postgres.status === 'rejected' || redis.status === 'rejected' || s3.status === 'rejected') {
    await stop()
    throw firstReason(settled)
  }
  const servers = { postgres: postgres.value, redis: redis.value, s3: s3.value }
  const environment = environmentOf(servers)
  context.file.environment(environment)
  return {
    postgres: { ...servers.postgres.address, kind: servers.postgres.kind },
    redis: { ...servers.redis.address, kind: servers.redis.kind },
    s3: { ...servers.s3.address, kind: servers.s3.kind as S3Kind },
    servers,
    file: context.file,
    environment,
    stop,
  }
}

/** Starts one server of its own, whatever URLs are given: for whoever wants to stop, freeze or flush it. Always ephemeral. */
export async function startServer<Name extends ServerName>(
  name: Name,
  { env = process.env, say }: Pick<StackOptions, 'env' | 'say'>,
): Promise<Server<Addresses[Name]> & { stopForGood(): Promise<void> }> {
  const withoutUrls = Object.fromEntries(Object.entries(env).filter(([variable]) => !variable.startsWith('TEST_')))
  const { start, stop } = await openFolder({ dataDir: '', env: withoutUrls, say, ephemeral: true })
  try {
    return { ...(await start(name)), stopForGood: stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/**
 * Empties a data folder: databases, objects, logs and secrets. Programs that were fetched stay. Where stack.json is damaged, what it named outside
 * of the folder (volumes of containers) can't be known, and stays.
 *
 * @throws StackInUse
 * @throws Error that says what speaks against deleting a folder whose stack.json is damaged; nothing was deleted then
 */
export async function resetStack(dataDir: string): Promise<void> {
  const record = recordToReset(dataDir)
  if (record !== null) {
    assertNotInUse(dataDir)
    await endLeftovers(record)
    await removeServerData(record)
  }
  for (const name of keptIn(dataDir)) rmSync(join(dataDir, name), { recursive: true, force: true })
}

/** @returns null without a stack.json, or with a damaged one in a folder that holds nothing but a stack at rest */
function recordToReset(dataDir: string): StackRecord | null {
  try {
    return readStackRecord(dataDir)
  } catch (error) {
    if (!(error instanceof StackFileDamaged)) throw error
    assertStackAtRest(dataDir)
    return null
  }
}

/** What a reset would delete in this folder. Nothing where no stack.json shows that the folder is Airlock's. */
export const keptIn = (dataDir: string): string[] =>
  existsSync(join(dataDir, 'stack.json')) ? contents.filter((name) => existsSync(join(dataDir, name))) : []

interface OpenFolder {
  readonly context: StackContext
  start<Name extends ServerName>(name: Name): Promise<Server<Addresses[Name]>>
  stop(): Promise<void>
}

async function openFolder({
  dataDir,
  env,
  say,
  ephemeral,
}: Required<Omit<StackOptions, 'env'>> & { env: NodeJS.ProcessEnv }): Promise<OpenFolder> {
  if (ephemeral) await removeDeadEphemeralStacks()
  const folder = ephemeral ? ephemeralFolder() : resolve(dataDir)
  assertNotInUse(folder)
  const file = new StackFile(folder)
  const left = await endLeftovers(file.record)
  if (left > 0) say(`Ended ${left} servers or processes that an earlier run had left behind`)
  const reaper = startReaper(folder, { removeData: ephemeral })
  file.own(reaper.identity)
  let engine: ReturnType<typeof findEngine> | undefined
  const context: StackContext = {
    file,
    ephemeral,
    env,
    say,
    toolsFolder: join(clone, '.airlock', 'tools'),
    engine: () => (engine ??= findEngine(env)),
  }
  const providers = roadsFor(ephemeral)
  const started: Server<unknown>[] = []
  return {
    context,
    start: async (name) => {
      const server = await startFirstAvailable(name, providers[name] as readonly Provider<Addresses[typeof name]>[], context)
      started.push(server)
      return server
    },
    stop: once(() => close(context, started, reaper)),
  }
}

/** Others may pass through, but not look around: a Postgres that root starts runs as another user. */
function ephemeralFolder(): string {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), ephemeralPrefix))
  chmodSync(folder, 0o711)
  return folder
}

async function close({ file, ephemeral }: StackContext, started: readonly Server<unknown>[], reaper: Reaper): Promise<void> {
  await Promise.all(started.map(({ controls }) => controls?.end()))
  if (ephemeral) {
    await removeServerData(file.record)
    rmSync(file.folder, { recursive: true, force: true })
  } else {
    file.release()
  }
  reaper.dismiss()
}

/** Tests never touch the servers of a running product: what they may use has names of its own. */
const roadsFor = (ephemeral: boolean): { [Name in ServerName]: readonly Provider<Addresses[Name]>[] } =>
  ephemeral
    ? {
        postgres: postgresProviders('TEST_DATABASE_URL'),
        redis: redisProviders('TEST_REDIS_URL'),
        s3: s3Providers({
          endpoint: 'TEST_S3_ENDPOINT',
          region: 'TEST_S3_REGION',
          accessKeyId: 'TEST_S3_ACCESS_KEY_ID',
          secretAccessKey: 'TEST_S3_SECRET_ACCESS_KEY',
        }),
      }
    : {
        postgres: postgresProviders('DATABASE_URL'),
        redis: redisProviders('REDIS_URL'),
        s3: s3Providers({
          endpoint: 'S3_ENDPOINT',
          region: 'S3_REGION',
          accessKeyId: 'AWS_ACCESS_KEY_ID',
          secretAccessKey: 'AWS_SECRET_ACCESS_KEY',
        }),
      }

const environmentOf = ({ postgres, redis, s3 }: Stack['servers']): Record<string, string> => ({
  DATABASE_URL: postgres.address.url,
  REDIS_URL: redis.address.url,
  S3_ENDPOINT: s3.address.endpoint,
  S3_REGION: s3.address.region,
  S3_FORCE_PATH_STYLE: 'true',
  S3_SSE: 'AES256',
  AWS_ACCESS_KEY_ID: s3.address.accessKeyId,
  AWS_SECRET_ACCESS_KEY: s3.address.secretAccessKey,
})

function firstReason(settled: readonly PromiseSettledResult<unknown>[]): unknown {
  const reasons = settled.filter((one) => one.status === 'rejected').map(({ reason }) => reason as Error)
  return reasons.length === 1 ? reasons[0] : new AggregateError(reasons, reasons.map(({ message }) => message).join('\n'))
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return () => (done ??= work())
}
