/** The entry of `npm run schema`. */
import { fileURLToPath } from 'node:url'
import { schemaCommand } from './commands/schema.ts'

process.exitCode = await schemaCommand(process.argv.slice(2), {
  file: fileURLToPath(new URL('../schema.sql', import.meta.url)),
  env: process.env,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
})
