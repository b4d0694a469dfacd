import { migrate, revertLastMigration } from '../migrating.ts'
import type { DatabaseLog } from '../options.ts'
import { type CommandIo, directUrl, runCommand } from './command.ts'

const usage = `Usage: npm run migrate -- [--down]

Brings the database's schema up to date. Many processes may run it at once.

  --down   reverts the last migration; data in its tables and columns is lost
  --help   prints this help

Environment:
  DATABASE_URL          the URL of Postgres
  DATABASE_DIRECT_URL   the URL without a pooler in between; used instead if set
`

/** `npm run migrate`. @returns its exit code */
export function migrateCommand(args: string[], io: CommandIo): Promise<number> {
  const log: DatabaseLog = {
    info: (_fields, message) => io.out(`${message}\n`),
    warn: (_fields, message) => io.err(`${message}\n`),
  }
  return runCommand({ usage, flags: ['down'], args, io }, async ({ down }) => {
    const url = directUrl(io.env)
    if (down) {
      const reverted = await revertLastMigration({ url, log })
      io.out(reverted === null ? 'There is no migration to revert.\n' : `reverted ${reverted}\n`)
      return
    }
    const ran = await migrate({ url, log })
    for (const name of ran) io.out(`migrated ${name}\n`)
    if (ran.length === 0) io.out('The schema is up to date.\n')
  })
}
