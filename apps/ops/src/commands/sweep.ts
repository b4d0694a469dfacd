import { parseArgs } from 'node:util'
import { sleep } from '@airlock/async'
import {
  databaseSettings,
  databaseVariables,
  readConfig,
  storeSettings,
  storeVariables,
  sweepSettings,
  sweepVariables,
} from '@airlock/config'
import { openDatabase } from '@airlock/database'
import type { Log } from '@airlock/domain'
import { type Swept, sweep } from '@airlock/lifecycle'
import { JobQueue } from '@airlock/queue'
import { s3ObjectStore } from '@airlock/storage'
import type { Command, CommandIo } from '../command.ts'

const names = [...databaseVariables, ...storeVariables, 'REDIS_URL', ...sweepVariables] as const

export const sweepCommand: Command = {
  name: 'sweep',
  summary: 'repair stuck uploads and remove unneeded objects, once',
  usage: `[--dry-run]

  --dry-run  reports what a sweep would do, without changes

Prints a line for each action, then the totals for each rule. It waits while a worker is sweeping.`,
  example: '--dry-run',
  async run(args, io) {
    const { values } = parseArgs({ args, options: { 'dry-run': { type: 'boolean', default: false } } })
    const did = values['dry-run'] ? 'would move' : 'moved'
    const swept = await sweepOnce(values['dry-run'], io)
    if (swept === null) {
      io.err('Another process holds the sweep lease, nothing was done.')
      return 1
    }
    for (const [rule, count] of Object.entries(swept.report)) io.out(`${rule.padEnd(10)} ${did} ${count}`)
    if (swept.failure !== null) io.err(swept.failure.message)
    return swept.failure === null ? 0 : 1
  },
}

/** Pause between attempts to get the sweep lease, in ms. */
const retryLeaseMs = 250

async function sweepOnce(dryRun: boolean, io: CommandIo): Promise<Swept | null> {
  const config = readConfig(io.env, names)
  const log = plainLog(io)
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
    return swept
  } finally {
    await Promise.all([jobQueue.close(), database.close()])
    store.close()
  }
}

/** A log with one plain line per event, for a terminal. */
function plainLog({ out, err }: CommandIo): Log {
  const line = (fields: object, message: string) =>
    `${message} ${Object.entries(fields)
      .map(([name, value]) => `${name}=${value}`)
      .join(' ')}`
  return {
    info: (fields, message) => out(line(fields, message)),
    warn: (fields, message) => err(line(fields, message)),
    error: (fields, message) => err(line(fields, message)),
  }
}
