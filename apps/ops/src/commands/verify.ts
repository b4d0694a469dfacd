import { parseArgs } from 'node:util'
import {
  databaseSettings,
  databaseVariables,
  readConfig,
  storeSettings,
  storeVariables,
  sweepSettings,
  sweepVariables,
} from '@airlock/config'
import { type OperatorNote, type OpsLog, openDatabase } from '@airlock/database'
import { uploadIdOfWaitingKey } from '@airlock/domain'
import { type VerifyDeps, type VerifyOptions, verify } from '@airlock/lifecycle'
import { JobQueue } from '@airlock/queue'
import { s3ObjectStore } from '@airlock/storage'
import { type Command, type CommandIo, UsageError } from '../command.ts'
import { JsonList } from '../json-list.ts'
import { noteHelp, noteOptions, operatorNote } from '../operator.ts'
import { printable } from '../table.ts'

const names = [...databaseVariables, ...storeVariables, 'REDIS_URL', ...sweepVariables] as const

interface VerifyRequest {
  readonly repair: boolean
  /** The approximate number of rows and objects to check before it stops and prints where to continue. */
  readonly limit: number
  readonly after: string | null
  readonly note: OperatorNote
  readonly json: boolean
}

export const verifyCommand: Command = {
  name: 'verify',
  summary: 'compare rows and objects in both directions, and list violations',
  usage: `[--repair [--reason <text>]] [--limit <count>] [--after <place>] [--json]

  --repair           removes objects whose own row proves that they are no longer needed, and nothing else
  --limit <count>    stops after about this many rows and objects
  --after <place>    continues where an earlier run stopped
${noteHelp}
  --json             prints one JSON object

Prints a line for each violation, then the totals.
Exit codes: 0 no violation is left, 1 one is left, or it failed, 2 invalid arguments.`,
  example: '--limit 100000',
  async run(args, io) {
    const { values } = parseArgs({
      args,
      options: {
        ...noteOptions,
        repair: { type: 'boolean', default: false },
        limit: { type: 'string' },
        after: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    })
    const limit = values.limit === undefined ? Number.POSITIVE_INFINITY : Number(values.limit)
    if (Number.isNaN(limit) || limit < 1) throw new UsageError(`--limit is '${values.limit}': a number of at least 1`)
    const { repair, after = null, json } = values
    return (await verifyWith({ repair, limit, after, json, note: operatorNote(values) }, io)) === 0 ? 0 : 1
  },
}

/** @returns how many violations are left */
async function verifyWith(request: VerifyRequest, io: CommandIo): Promise<number> {
  const config = readConfig(io.env, names)
  const log = { info: () => {}, warn: (_fields: object, message: string) => io.err(message) }
  const database = await openDatabase({ ...databaseSettings(config), applicationName: 'airlock-ops', log })
  const store = s3ObjectStore(storeSettings(config))
  const jobQueue = new JobQueue({ redisUrl: config.REDIS_URL, onError: (err) => io.err(`redis: ${err.message}`) })
  try {
    await jobQueue.ready().catch((error: Error) => io.err(`Redis: ${error.message}; disputed videos are listed as never enqueued.`))
    const options = { ...sweepSettings(config), encrypted: config.S3_SSE !== 'none', after: request.after }
    return await eachPage(
      request,
      options,
      { uploads: database.uploads, assets: database.assets, store, jobQueue, opsLog: database.opsLog },
      io,
    )
  } finally {
    await Promise.all([jobQueue.close(), database.close()])
    store.close()
  }
}

async function eachPage(
  { repair, limit, note, json }: VerifyRequest,
  options: VerifyOptions,
  { opsLog, ...deps }: VerifyDeps & { opsLog: OpsLog },
  io: CommandIo,
): Promise<number> {
  const list = json ? new JsonList('violations', io) : null
  let [checked, found, repaired] = [0, 0, 0]
  let next: string | null = null
  for await (const page of verify(options, deps)) {
    for (const violation of page.violations) {
      found += 1
      const repairs = repair && violation.repair !== undefined
      if (repairs) {
        const { key, what } = violation
        await opsLog.write({ ...note, action: 'repair', uploadId: uploadIdOfWaitingKey(key), details: { key, what } })
        await violation.repair?.()
        repaired += 1
      }
      const { what, key, detail } = violation
      if (list === null) io.out(printable(`${what}: ${key} (${detail})${repairs ? ' – removed' : ''}`))
      else list.add({ what, key, detail, repaired: repairs })
    }
    checked += page.checked
    next = page.next
    if (page.next !== null && checked >= limit) {
      io.err(`Stopped at --limit; to continue: --after '${page.next}'`)
      break
    }
  }
  if (list === null) io.out(`rows and objects checked: ${checked}, violations: ${found}, repaired: ${repaired}`)
  else list.end({ checked, found, repaired, next })
  return found - repaired
}
