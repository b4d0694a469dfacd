import { parseArgs } from 'node:util'
import { databaseSettings, databaseVariables, readConfig, storeSettings, storeVariables } from '@airlock/config'
import { openDatabase } from '@airlock/database'
import { type Log, sweep } from '@airlock/lifecycle'
import { Bell } from '@airlock/queue'
import { s3ObjectStore } from '@airlock/storage'
import type { Command, CommandIo } from '../command.ts'

const names = [...databaseVariables, ...storeVariables, 'REDIS_URL', 'UPLOAD_MAX_SECONDS', 'SWEEP_INTERVAL_SECONDS'] as const

export const sweepCommand: Command = {
  name: 'sweep',
  summary: 'find uploads which stopped moving and get them moving again',
  usage: 'npm run ops -- sweep [--dry-run]',
  async run(args, io) {
    const { values } = parseArgs({ args, options: { 'dry-run': { type: 'boolean', default: false } } })
    const report = await sweepOnce(values['dry-run'], io)
    const did = values['dry-run'] ? 'would move' : 'moved'
    for (const [rule, count] of Object.entries(report)) io.out(`${rule.padEnd(8)} ${did} ${count}`)
    return 0
  },
}

async function sweepOnce(dryRun: boolean, io: CommandIo) {
  const config = readConfig(io.env, names)
  const log = plainLog(io)
  const database = await openDatabase({ ...databaseSettings(config), applicationName: 'airlock-ops', log })
  const store = s3ObjectStore(storeSettings(config))
  const bell = new Bell({ redisUrl: config.REDIS_URL, onError: (err) => io.err(`redis: ${err.message}`) })
  try {
    await bell.ready()
    const options = { ringAfterSeconds: config.SWEEP_INTERVAL_SECONDS, receivingForSeconds: config.UPLOAD_MAX_SECONDS, dryRun }
    return await sweep(options, { uploads: database.uploads, store, bell, log })
  } finally {
    await Promise.all([bell.close(), database.close()])
    store.close()
  }
}

/** A line for each thing that happened, for a person at a terminal. */
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
