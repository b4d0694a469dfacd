import { parseArgs } from 'node:util'
import { databaseSettings, databaseVariables, readConfig } from '@airlock/config'
import { type AssetBatch, type AssetPlace, openDatabase } from '@airlock/database'
import type { Command, CommandIo } from '../command.ts'

const names = [...databaseVariables, 'UNUSED_ASSET_DAYS'] as const

const limit = 500

export const expiringCommand: Command = {
  name: 'expiring',
  summary: 'list unused assets that will be deleted soon',
  usage: `

Prints a line for each marked asset: when it is deleted, its id, its owner, its key. Any access before then keeps it.`,
  example: '',
  async run(args, io) {
    parseArgs({ args, options: {} })
    const config = readConfig(io.env, names)
    const log = { info: () => {}, warn: (_fields: object, message: string) => io.err(message) }
    const database = await openDatabase({ ...databaseSettings(config), applicationName: 'airlock-ops', log })
    try {
      const count = await listAll((after) => database.assets.expiring({ onlyExpired: false, after, limit }), io)
      const { UNUSED_ASSET_DAYS: days } = config
      io.out(days === 0 ? `${count} marked; UNUSED_ASSET_DAYS is 0, so none will be deleted` : `${count} unused for ${days} days`)
    } finally {
      await database.close()
    }
    return 0
  },
}

async function listAll(batchAfter: (after: AssetPlace | null) => Promise<AssetBatch>, { out }: CommandIo): Promise<number> {
  let count = 0
  let after: AssetPlace | null = null
  do {
    const batch: AssetBatch = await batchAfter(after)
    for (const { id, userId, s3Key, expiringAt } of batch.assets) out(`${expiringAt?.toISOString()} ${id} ${userId} ${s3Key}`)
    count += batch.assets.length
    after = batch.next
  } while (after !== null)
  return count
}
