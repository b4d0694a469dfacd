/** The entry of `npm run migrate`. */
import { migrateCommand } from './commands/migrate.ts'

process.exitCode = await migrateCommand(process.argv.slice(2), {
  env: process.env,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
})
