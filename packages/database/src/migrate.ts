/** The entry of `npm run migrate`. */
import { parseArgs } from 'node:util'
import { migrate, revertLastMigration } from './migrating.ts'
import type { DatabaseLog } from './options.ts'
import { directUrl } from './settings.ts'
import { DatabaseUnavailable } from './unavailable.ts'

const usage = `Usage: npm run migrate -- [--down]

Brings the database's schema up to date. Safe to run by many processes at once.

  --down   takes back the one migration that ran last; data in what it made is lost
  --help   prints this

Environment:
  DATABASE_URL          where Postgres is
  DATABASE_DIRECT_URL   the same without a pooler in between; used when given
`

const say = (text: string): boolean => process.stdout.write(`${text}\n`)

const log: DatabaseLog = {
  info: (_fields, message) => say(message),
  warn: (_fields, message) => process.stderr.write(`${message}\n`),
}

async function up(url: string): Promise<void> {
  const ran = await migrate({ url, log })
  for (const name of ran) say(`migrated ${name}`)
  if (ran.length === 0) say('The schema is up to date.')
}

async function down(url: string): Promise<void> {
  const reverted = await revertLastMigration({ url, log })
  say(reverted === null ? 'There is nothing to take back.' : `took back ${reverted}`)
}

function fail(message: string): void {
  process.stderr.write(`${message}\n`)
  process.exitCode = 1
}

async function main(args: string[], env: NodeJS.ProcessEnv): Promise<void> {
  const { values } = parseArgs({ args, options: { down: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } })
  if (values.help) return void process.stdout.write(usage)
  const setting = directUrl(env)
  if ('mistake' in setting) return fail(`Airlock can't migrate, 1 setting needs a look:\n  ${setting.mistake}`)
  await (values.down ? down : up)(setting.url)
}

await main(process.argv.slice(2), process.env).catch((error: Error) =>
  fail(error instanceof DatabaseUnavailable ? error.message : `Migration failed: ${error.message}`),
)
