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
  removeStack,
} from './leftovers.ts'
import { startReaper } from './reaper.ts'
import { type Controls, type Provider, type Server, type StackContext, startFirstAvailable, type UrlAddress } from './server.ts'
import { containerPostgres, givenPostgres } from './servers/postgres.ts'
import { localPostgres } from './servers/postgres-local.ts'
import { redisProviders } from './servers/redis.ts'
import { givenStore, type S3Address, type S3Kind } from './servers/s3.ts'
import { containerSeaweedfs, localSeaweedfs } from './servers/seaweedfs.ts'
import { readStackRecord, type ServerName, StackFile, StackFileDamaged, type StackRecord } from './stack-file.ts'

/** The format of each server's address. */
interface Addresses {
  postgres: UrlAddress
  redis: UrlAddress
  s3: S3Address
}

export interface StackOptions {
  /** Folder for data, logs and stack.json; `.airlock` in the repository by default. Ephemeral stacks create their own. */
  readonly dataDir?: string
  readonly env?: NodeJS.ProcessEnv
  /** Called with one line for each server, and more during downloads. */
  readonly say: (line: string) => void
  /** For one test run: uses only servers of TEST_… variables, and leaves nothing. */
  readonly ephemeral?: boolean
}

/** Running Postgres, Redis and S3. */
export type Stack = Awaited<ReturnType<typeof startStack>>

const clone = fileURLToPath(new URL('../../..', import.meta.url))

/** The default data folder. */
export const defaultDataDir = (env: NodeJS.ProcessEnv = process.env): string => resolve(env.AIRLOCK_DATA_DIR || join(clone, '.airlock'))

/**
 * Starts Postgres, Redis and S3: each by a URL in the environment, otherwise in a container, otherwise as a local process. Leftovers of a killed run are
 * ended first. If this process dies, a reaper ends the servers.
 *
 * @throws StackInUse if a running process uses the data folder
 * @throws Error with the server for which all providers were unavailable, and the reasons; nothing is left running then
 */
export async function startStack(options: StackOptions) {
  const { context, start, stop } = await openFolder(options)
  const starting = [start('postgres'), start('redis'), start('s3')] as const
  const reasons = (await Promise.allSettled(starting)).flatMap((one) => (one.status === 'rejected' ? [one.reason as Error] : []))
  if (reasons.length > 0) {
    await stop()
    throw new AggregateError(reasons, reasons.map(({ message }) => message).join('\n'))
  }
  const [postgres, redis, s3] = await Promise.all(starting)
  const servers = { postgres, redis, s3 }
  const environment = environmentOf(servers)
  context.file.environment(environment)
  return {
    postgres: { ...postgres.address, kind: postgres.kind },
    redis: { ...redis.address, kind: redis.kind },
    s3: { ...s3.address, kind: s3.kind as S3Kind },
    servers,
    /** stack.json, for other processes, settings and secrets. */
    file: context.file,
    /** The settings of gateway and worker for these servers. */
    environment,
    /** Stops all servers that were started here, and removes the data of an ephemeral stack. Can be called repeatedly. */
    stop,
  }
}

/** A server of one caller, which it may stop, freeze and flush. */
export interface PrivateServer<Address> extends Controls {
  readonly kind: string
  readonly address: Address
  /** Stops it and removes its data. */
  drop(): Promise<void>
}

/** Starts a server that nobody else uses, even if URLs are given. */
export async function privateServer<Name extends ServerName>(name: Name): Promise<PrivateServer<Addresses[Name]>> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([variable]) => !variable.startsWith('TEST_')))
  const { start, stop } = await openFolder({ env, say: () => {}, ephemeral: true })
  try {
    const { kind, address, controls } = await start(name)
    if (controls === null) throw new Error(`${name} was not started here`)
    return { kind, address, ...controls, drop: stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/**
 * Empties a data folder: databases, objects, logs and secrets. Downloaded programs are kept. If stack.json is damaged, what it listed outside of the folder
 * (volumes of containers) is unknown and kept.
 *
 * @throws StackInUse
 * @throws Error with the reason why a folder with a damaged stack.json is not deleted; nothing was deleted then
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

/** @returns null without a stack.json, or with a damaged one in a folder that contains only a stopped stack */
function recordToReset(dataDir: string): StackRecord | null {
  try {
    return readStackRecord(dataDir)
  } catch (error) {
    if (!(error instanceof StackFileDamaged)) throw error
    assertStackAtRest(dataDir)
    return null
  }
}

/** The entries that a reset would delete in this folder; none without a stack.json. */
export const keptIn = (dataDir: string): string[] =>
  existsSync(join(dataDir, 'stack.json')) ? contents.filter((name) => existsSync(join(dataDir, name))) : []

async function openFolder({ env = process.env, dataDir = defaultDataDir(env), say, ephemeral = false }: StackOptions) {
  if (ephemeral) await removeDeadEphemeralStacks()
  const folder = ephemeral ? ephemeralFolder() : resolve(dataDir)
  assertNotInUse(folder)
  const file = new StackFile(folder)
  const left = await endLeftovers(file.record)
  if (left > 0) say(`Ended ${left} servers or processes of an earlier run`)
  file.own(startReaper(folder, { removeData: ephemeral }))
  let engine: ReturnType<typeof findEngine> | undefined
  const context: StackContext = {
    file,
    ephemeral,
    env,
    say,
    toolsFolder: join(clone, '.airlock', 'tools'),
    engine: () => (engine ??= findEngine(env)),
  }
  const providers = providersFor(ephemeral)
  const release = async () => {
    if (ephemeral) return removeStack(folder, file.record)
    await endLeftovers(file.record)
    file.release()
  }
  let released: Promise<void> | undefined
  return {
    context,
    start: <Name extends ServerName>(name: Name) => startFirstAvailable<Addresses[Name]>(name, providers[name], context),
    stop: () => (released ??= release()),
  }
}

/** Others may traverse the folder but not list it: a Postgres that root starts runs as another user. */
function ephemeralFolder(): string {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), ephemeralPrefix))
  chmodSync(folder, 0o711)
  return folder
}

/** In order of preference. Tests use separate variables (`TEST_DATABASE_URL`, `TEST_S3_ACCESS_KEY_ID`), so that they never use the servers of a running product. */
function providersFor(ephemeral: boolean): { [Name in ServerName]: readonly Provider<Addresses[Name]>[] } {
  const prefix = ephemeral ? 'TEST_' : ''
  return {
    postgres: [givenPostgres(`${prefix}DATABASE_URL`), containerPostgres, localPostgres],
    redis: redisProviders(`${prefix}REDIS_URL`),
    s3: [givenStore(prefix, ephemeral ? 'TEST_S3' : 'AWS'), containerSeaweedfs, localSeaweedfs],
  }
}

const environmentOf = ({ postgres, redis, s3 }: { [name in ServerName]: Server<Addresses[name]> }): Record<string, string> => ({
  DATABASE_URL: postgres.address.url,
  REDIS_URL: redis.address.url,
  S3_ENDPOINT: s3.address.endpoint,
  S3_REGION: s3.address.region,
  S3_FORCE_PATH_STYLE: 'true',
  S3_SSE: 'AES256',
  AWS_ACCESS_KEY_ID: s3.address.accessKeyId,
  AWS_SECRET_ACCESS_KEY: s3.address.secretAccessKey,
})
