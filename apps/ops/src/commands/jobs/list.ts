import { parseArgs } from 'node:util'
import { databaseSettings, databaseVariables, readConfig } from '@airlock/config'
import { type Cursor, openDatabase, type UploadRecord } from '@airlock/database'
import type { UploadState } from '@airlock/domain'
import { type CommandIo, UsageError } from '../../command.ts'
import { filterOf, filterOptions, idsOf, selectionOf } from './selection.ts'
import { uploadForPrograms, uploadTable } from './upload-table.ts'

export const defaultListed = 50
export const maxListed = 10_000
const pageSize = 500

/** Without `--state`: what has not ended. */
const unfinished: readonly UploadState[] = ['receiving', 'received', 'processing', 'parked']

/** Prints uploads of all users, the latest in their state first. */
export async function list(args: string[], io: CommandIo): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { ...filterOptions, limit: { type: 'string' }, json: { type: 'boolean', default: false } },
  })
  if (idsOf(positionals).length > 0) throw new UsageError('list takes filters, no ids')
  const selection = selectionOf(values)
  const limit = limitOf(values.limit)
  const log = { info: () => {}, warn: (_fields: object, message: string) => io.err(message) }
  const database = await openDatabase({
    ...databaseSettings(readConfig(io.env, databaseVariables)),
    applicationName: 'airlock-ops',
    log,
  })
  try {
    const { uploads } = database
    const filter = await filterOf(selection, unfinished, uploads)
    const table = uploadTable(await uploads.clock())
    const listed: UploadRecord[] = []
    let count = 0
    let after: Cursor | null = null
    do {
      const page = await uploads.browse({ ...filter, order: 'newest first', after, limit: Math.min(pageSize, limit - count) })
      if (values.json) listed.push(...page.uploads)
      else {
        if (count === 0 && page.uploads.length > 0) io.out(table.header)
        for (const upload of page.uploads) io.out(table.row(upload))
      }
      count += page.uploads.length
      after = page.next
    } while (after !== null && count < limit)
    if (values.json) io.out(JSON.stringify({ uploads: listed.map(uploadForPrograms), has_more: after !== null }, null, 2))
    else if (count === 0) io.out('No uploads match.')
    if (after !== null) io.err(`${count} listed, there are more; use --limit`)
    return 0
  } finally {
    await database.close()
  }
}

function limitOf(given: string | undefined): number {
  const limit = Number(given ?? defaultListed)
  if (!Number.isInteger(limit) || limit < 1 || limit > maxListed)
    throw new UsageError(`--limit is '${given}': a whole number from 1 to ${maxListed}`)
  return limit
}
