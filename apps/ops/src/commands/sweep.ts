import { parseArgs } from 'node:util'
import { sleep } from '@airlock/async'
import {
  databaseSettings,
  databaseVariables,
  errorLine,
  readConfig,
  storeSettings,
  storeVariables,
  sweepSettings,
  sweepVariables,
} from '@airlock/config'
import { type OperatorNote, openDatabase } from '@airlock/database'
import type { Log } from '@airlock/domain'
import { type SweepReport, type Swept, sweep } from '@airlock/lifecycle'
import { JobQueue } from '@airlock/queue'
import { s3ObjectStore } from '@airlock/storage'
import type { Command, CommandIo } from '../command.ts'
import { JsonList } from '../json-list.ts'
import { noteHelp, noteOptions, operatorNote } from '../operator.ts'

const names = [...databaseVariables, ...storeVariables, 'REDIS_URL', ...sweepVariables] as const

export const sweepCommand: Command = {
  name: 'sweep',
  summary: 'repair stuck uploads and remove unneeded objects, once',
  usage: `[--dry-run] [--reason <text>] [--json]

  --dry-run          reports what a sweep would do, without changes
${noteHelp}
  --json             prints one JSON object

Prints a line for each action, then the totals for each rule. It waits while a worker is sweeping.
Exit codes: 0 done, 1 a rule failed, or another process swept all the time, 2 invalid arguments.`,
  example: '--dry-run',
  async run(args, io) {
    const { values } = parseArgs({
      args,
      options: { ...noteOptions, 'dry-run': { type: 'boolean', default: false }, json: { type: 'boolean', default: false } },
    })
    const dryRun = values['dry-run']
    const list = values.json ? new JsonList('actions', io) : null
    const { swept, isLogged } = await sweepOnce(dryRun, operatorNote(values), io, list)
    list?.end({ dry_run: dryRun, swept: swept !== null, rules: swept?.report ?? null, failure: swept?.failure?.message ?? null })
    if (swept === null) io.err('Another process holds the sweep lease, nothing was done.')
    else if (list === null)
      for (const [rule, count] of Object.entries(swept.report)) io.out(`${rule.padEnd(10)} ${dryRun ? 'would move' : 'moved'} ${count}`)
    if (swept?.failure) io.err(swept.failure.message)
    return swept !== null && swept.failure === null && isLogged ? 0 : 1
  },
}

/** Pause between attempts to get the sweep lease, in ms. */
const retryLeaseMs = 250

async function sweepOnce(
  dryRun: boolean,
  by: OperatorNote,
  io: CommandIo,
  list: JsonList | null,
): Promise<{ swept: Swept | null; isLogged: boolean }> {
  const config = readConfig(io.env, names)
  const log = list === null ? plainLog(io) : listingLog(list, io)
  const database = await openDatabase({ ...databaseSettings(config), applicationName: 'airlock-ops', log })
  const store = s3ObjectStore(storeSettings(config))
  const jobQueue = new JobQueue({ redisUrl: config.REDIS_URL, onError: (err) => io.err(`redis: ${err.message}`) })
  try {
    await jobQueue.ready()
    const options = { ...sweepSettings(config), dryRun }
    const deps = { uploads: database.uploads, assets: database.assets, sweeper: database.sweeper, store, jobQueue, log }
    const deadline = performance.now() + config.LEASE_SECONDS * 1000
    let swept = await sweep(options, deps)
    while (swept === null && performance.now() < deadline) {
      await sleep(retryLeaseMs)
      swept = await sweep(options, deps)
    }
    if (swept === null || dryRun) return { swept, isLogged: true }
    const details = { moved: movedOf(swept.report) }
    const failure = await database.opsLog.write({ ...by, action: 'sweep', details }).catch((error: Error) => error)
    if (failure) io.err(`The sweep was done, but the log of operators could not be written: ${failure.message}`)
    return { swept, isLogged: !failure }
  } finally {
    await Promise.all([jobQueue.close(), database.close()])
    store.close()
  }
}

const movedOf = (report: SweepReport) => Object.fromEntries(Object.entries(report).filter(([, count]) => count > 0))

/** A log with one plain line per event, for a terminal. */
function plainLog({ out, err }: CommandIo): Log {
  return {
    info: (fields, message) => out(lineOf(fields, message)),
    warn: (fields, message) => err(lineOf(fields, message)),
    error: (fields, message) => err(lineOf(fields, message)),
  }
}

/** A log that lists actions for programs. */
function listingLog(list: JsonList, { err }: CommandIo): Log {
  return {
    info: (fields, message) => list.add({ message, ...fields }),
    warn: (fields, message) => err(lineOf(fields, message)),
    error: (fields, message) => err(lineOf(fields, message)),
  }
}

const lineOf = (fields: object, message: string): string =>
  `${message} ${Object.entries(fields)
    .map(([name, value]) => `${name}=${value instanceof Error ? errorLine(value) : value}`)
    .join(' ')}`
