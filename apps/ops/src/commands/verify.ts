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
import { openDatabase } from '@airlock/database'
import { type VerifyDeps, type VerifyOptions, verify } from '@airlock/lifecycle'
import { JobQueue } from '@airlock/queue'
import { s3ObjectStore } from '@airlock/storage'
import { type Command, type CommandIo, UsageError } from '../command.ts'

const names = [...databaseVariables, ...storeVariables, 'REDIS_URL', ...sweepVariables] as const

interface Wish {
  readonly repair: boolean
  /** Rows and objects to look at, about; then it stops and says where to go on. */
  readonly limit: number
  readonly after: string | null
}

export const verifyCommand: Command = {
  name: 'verify',
  summary: 'hold rows against objects, both ways, and say what is not as it should be',
  usage: `[--repair] [--limit <count>] [--after <place>]

  --repair         removes what its own row proves to be over; nothing else is ever touched
  --limit <count>  stops after about so many rows and objects
  --after <place>  goes on from where an earlier run stopped

A line for each breach, then how many there were. The exit code is 1 when there is one left.`,
  async run(args, io) {
    const { values } = parseArgs({
      args,
      options: { repair: { type: 'boolean', default: false }, limit: { type: 'string' }, after: { type: 'string' } },
    })
    const limit = values.limit === undefined ? Number.POSITIVE_INFINITY : Number(values.limit)
    if (Number.isNaN(limit) || limit < 1) throw new UsageError(`--limit is '${values.limit}': a number from 1 on`)
    return (await verifyWith({ repair: values.repair, limit, after: values.after ?? null }, io)) === 0 ? 0 : 1
  },
}

/** @returns how many breaches are left */
async function verifyWith(wish: Wish, io: CommandIo): Promise<number> {
  const config = readConfig(io.env, names)
  const log = { info: () => {}, warn: (_fields: object, message: string) => io.err(message) }
  const database = await openDatabase({ ...databaseSettings(config), applicationName: 'airlock-ops', log })
  const store = s3ObjectStore(storeSettings(config))
  const jobQueue = new JobQueue({ redisUrl: config.REDIS_URL, onError: (err) => io.err(`redis: ${err.message}`) })
  try {
    await jobQueue.ready().catch((error: Error) => io.err(`Redis: ${error.message}; disputed videos are listed as never announced.`))
    const options = { ...sweepSettings(config), encrypted: config.S3_SSE !== 'none', after: wish.after }
    return await eachPage(wish, options, { uploads: database.uploads, assets: database.assets, store, jobQueue }, io)
  } finally {
    await Promise.all([jobQueue.close(), database.close()])
    store.close()
  }
}

async function eachPage({ repair, limit }: Wish, options: VerifyOptions, deps: VerifyDeps, { out, err }: CommandIo): Promise<number> {
  let [checked, found, repaired] = [0, 0, 0]
  for await (const page of verify(options, deps)) {
    for (const breach of page.breaches) {
      found += 1
      const mends = repair && breach.repair !== undefined
      if (mends) {
        await breach.repair?.()
        repaired += 1
      }
      out(`${breach.what}: ${breach.key} (${breach.detail})${mends ? ' – removed' : ''}`)
    }
    checked += page.checked
    if (page.next !== null && checked >= limit) {
      err(`Stopped at --limit; to go on: --after '${page.next}'`)
      break
    }
  }
  out(`${checked} rows and objects looked at, ${found} breaches, ${repaired} of them repaired`)
  return found - repaired
}
