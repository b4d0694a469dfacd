import { parseArgs } from 'node:util'
import { databaseSettings, databaseVariables, readConfig } from '@airlock/config'
import { type AssetBatch, type AssetPlace, openDatabase } from '@airlock/database'
import type { Command, CommandIo } from '../command.ts'
import { JsonList } from '../json-list.ts'
import { printable } from '../table.ts'

const names = [...databaseVariables, 'UNUSED_ASSET_DAYS'] as const

const limit = 500

export const expiringCommand: Command = {
  name: 'expiring',
  summary: 'list unused assets that will be deleted soon',
  usage: `[--json]

  --json             prints one JSON object

Prints a line for each marked asset: when it is deleted, its id, its owner, its key. Any access before then keeps it.
Exit codes: 0 listed, 1 failed, 2 invalid arguments.`,
  example: '',
  async run(args, io) {
    const { json } = parseArgs({ args, options: { json: { type: 'boolean', default: false } } }).values
    const list = json ? new JsonList('assets', io) : null
    const config = readConfig(io.env, names)
    const log = { info: () => {}, warn: (_fields: object, message: string) => io.err(message) }
    const database = await openDatabase({ ...databaseSettings(config), applicationName: 'airlock-ops', log })
    try {
      const count = await listAll((after) => database.assets.expiring({ onlyExpired: false, after, limit }), list, io)
      const { UNUSED_ASSET_DAYS: days } = config
      if (list !== null) list.end({ count, unused_asset_days: days })
      else io.out(days === 0 ? `${count} marked; UNUSED_ASSET_DAYS is 0, so none will be deleted` : `${count} unused for ${days} days`)
    } finally {
      await database.close()
    }
    return 0
  },
}

async function listAll(
  batchAfter: (after: AssetPlace | null) => Promise<AssetBatch>,
  list: JsonList | null,
  { out }: CommandIo,
): Promise<number> {
  let count = 0
  let after: AssetPlace | null = null
  do {
    const batch: AssetBatch = await batchAfter(after)
    for (const { id, userId, s3Key, expiringAt } of batch.assets) {
      const at = expiringAt?.toISOString()
      if (list === null) out(printable(`${at} ${id} ${userId} ${s3Key}`))
      else list.add({ id, user_id: userId, s3_key: s3Key, expiring_at: at })
    }
    count += batch.assets.length
    after = batch.next
  } while (after !== null)
  return count
}
