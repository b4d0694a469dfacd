import { statfs } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import {
  ConfigError,
  databaseVariables,
  type Environment,
  readConfig,
  storeVariables,
  sweepSettings,
  sweepVariables,
  variableNames,
} from '@airlock/config'
import { JobQueue } from '@airlock/queue'
import type { Command, CommandIo } from '../../command.ts'
import { dataFolder } from '../../stack-settings.ts'
import { type Status, type StatusReader, statusReader } from '../status/read-status.ts'
import { examine, type Finding, type FindingOf, ok, orOk, problem, skipped } from './finding.ts'
import { asText, forPrograms, summaryOf } from './report.ts'
import { type Clock, clocks, connections, dependency, migrations, redisSettings } from './servers.ts'
import { bucketSettings, firstRowsAndObjects, storeAheadMs, storeCapabilities } from './storage.ts'
import { events, lanes, parked, sweeper, webhooks } from './work.ts'

/** Time limits of a check: one that asks a few questions, and one that reads and writes a lot. */
const timeoutMs = 8000
const longTimeoutMs = 45_000

export const doctorCommand: Command = {
  name: 'doctor',
  summary: 'check settings, servers, clocks, lanes and bucket, and say what to do about each problem',
  usage: `[--quick] [--json]

  --quick            without the checks that take longer: probe and verify
  --json             prints one JSON object

Changes nothing, except that probe writes objects under airlock-probe/ in the bucket and removes them; verify compares the first rows and
objects only. A server that is unavailable is a problem like others: nothing takes longer than a minute, or 15 s with --quick.
Exit codes: 0 no problem, 1 a problem was found, 2 invalid arguments, 3 no problem was found, but something could not be judged.`,
  example: '--quick',
  async run(args, io) {
    const options = { quick: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } } as const
    const { quick, json } = parseArgs({ args, options }).values
    const findings = await examineAll(quick, io)
    io.out(json ? JSON.stringify(forPrograms(findings), null, 2) : asText(findings))
    return { well: 0, problems: 1, unclear: 3 }[summaryOf(findings)]
  },
}

async function examineAll(quick: boolean, { env, err }: CommandIo): Promise<Finding[]> {
  const settings = await examine('settings', { timeoutMs }, () => settingsOf(env))
  const isReadable = settings.every(({ remedy }) => remedy === null) || canRead(env)
  if (!isReadable) return settings
  const reader = statusReader(env)
  try {
    return [...settings, ...(await examineServers(reader, quick, env, err)), ...(await examine('disk', { timeoutMs }, () => disk(env)))]
  } finally {
    await reader.close()
  }
}

const serverNames = [...databaseVariables, ...storeVariables, 'REDIS_URL', ...sweepVariables] as const

function canRead(env: Environment): boolean {
  try {
    readConfig(env, serverNames)
    return true
  } catch {
    return false
  }
}

/** All settings of gateway, worker and this command. Those for tokens are missing where no gateway runs. */
function settingsOf(env: Environment): readonly FindingOf[] {
  try {
    readConfig(env, variableNames)
    return [ok('all can be read')]
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const found = error.problems.filter(({ name, missing }) => !(missing && name.startsWith('JWT_')))
    return orOk(
      found.map(({ name, problem: what }) => problem(`${name} ${what}`, 'Correct it for all processes (docs/configuration.md)')),
      'all can be read, but those for tokens are not set here: only gateways need them',
    )
  }
}

async function examineServers(reader: StatusReader, quick: boolean, env: Environment, err: (text: string) => void): Promise<Finding[]> {
  const config = readConfig(env, serverNames)
  const { database, board, store } = reader.servers
  const status = await reader.read()
  const down = (...names: string[]) => downOf(status, names)
  const sweeping = sweepSettings(config)
  const checks: Promise<Finding[]>[] = [
    ...status.dependencies.map((one) => examine(one.dependency, { timeoutMs }, () => dependency(one))),
    examine('migrations', { timeoutMs, without: down('postgres') }, async () => migrations(await (await database()).state())),
    examine('connections', { timeoutMs, without: down('postgres') }, async () =>
      connections(await (await database()).state(), config.DATABASE_POOL_SIZE),
    ),
    examine('redis', { timeoutMs, without: down('redis') }, async () => redisSettings(await board.state())).then((found) =>
      down('redis').length > 0 ? [] : found,
    ),
    examine('clocks', { timeoutMs }, async () => clocks(await readClocks(reader, status, env))),
    examine('lanes', { timeoutMs, without: down('postgres', 'redis') }, async () =>
      lanes(status, { board, opsLog: (await database()).opsLog }),
    ),
    examine('parked', { timeoutMs, without: down('postgres') }, () => parked(status)),
    examine('sweeper', { timeoutMs, without: down('postgres') }, () => sweeper(status, config.SWEEP_INTERVAL_SECONDS)),
    examine('events', { timeoutMs, without: down('postgres') }, () => events(status)),
    examine('webhooks', { timeoutMs, without: down('postgres') }, () => webhooks(status)),
    examine('bucket', { timeoutMs, without: down('s3') }, () => bucketSettings(env)),
    examine('probe', { timeoutMs: longTimeoutMs, without: down('s3') }, () =>
      quick ? [skipped('not with --quick')] : storeCapabilities(env, err),
    ),
    examine('verify', { timeoutMs: longTimeoutMs, without: down('postgres', 's3') }, async () => {
      if (quick) return [skipped('not with --quick')]
      const { uploads, assets } = await database()
      const jobQueue = new JobQueue({ redisUrl: config.REDIS_URL, onError: () => {} })
      const options = { ...sweeping, encrypted: config.S3_SSE !== 'none' }
      return firstRowsAndObjects(options, { uploads, assets, store, jobQueue }).finally(() => jobQueue.close())
    }),
  ]
  return (await Promise.all(checks)).flat()
}

const downOf = ({ dependencies }: Status, names: readonly string[]): string[] =>
  dependencies.filter(({ dependency: name, up }) => !up && names.includes(name)).map(({ dependency: name }) => name)

/** Each clock by the middle of its request. */
async function readClocks({ servers }: StatusReader, status: Status, env: Environment): Promise<Clock[]> {
  const ahead = async (name: string, server: string, read: () => Promise<Date>): Promise<Clock> => {
    if (downOf(status, [server]).length > 0) return { name, aheadMs: null }
    const begun = Date.now()
    const now = await read()
    return { name, aheadMs: now.getTime() - (begun + Date.now()) / 2 }
  }
  return Promise.all([
    ahead('Postgres', 'postgres', async () => (await (await servers.database()).state()).now),
    ahead('Redis', 'redis', async () => (await servers.board.state()).now),
    downOf(status, ['s3']).length > 0 ? { name: 'S3', aheadMs: null } : storeAheadMs(env).then((aheadMs) => ({ name: 'S3', aheadMs })),
  ])
}

const leastFree = 0.1

/** Only that of the servers of `npm start` is known. */
async function disk(env: Environment): Promise<readonly FindingOf[]> {
  const folder = dataFolder(env)
  const isHere = /^(localhost|127\.|\[::1\])/.test(new URL(env.DATABASE_URL ?? 'postgres://?').hostname)
  const found = isHere ? await statfs(folder).catch(() => null) : null
  if (found === null) return [skipped('the disks of the servers are not known here: monitor them where they run')]
  const free = found.bavail / found.blocks
  const detail = `${Math.round(free * 100)} % of the disk of ${folder} is free`
  return [
    free < leastFree ? problem(detail, 'Free some space; npm start -- --reset deletes the data of the development servers') : ok(detail),
  ]
}
