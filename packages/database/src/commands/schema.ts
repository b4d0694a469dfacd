import { readFile, writeFile } from 'node:fs/promises'
import { migrate } from '../migrating.ts'
import { type CommandIo, directUrl, runCommand } from './command.ts'
import { schemaText } from './schema-text.ts'
import { connected, withScratchDatabase } from './scratch-database.ts'

const usage = `Usage: npm run schema -- [--check | --print]

Runs all migrations in a scratch database and writes the resulting schema to packages/database/schema.sql.

  --check   writes nothing; exits with 1 if schema.sql is out of date
  --print   prints the schema instead
  --help    prints this help

Environment:
  DATABASE_URL   a server on which the user may create a database (DATABASE_DIRECT_URL is used instead if set)
`

/** `npm run schema`. @param io.file the path of schema.sql. @returns its exit code */
export function schemaCommand(args: string[], io: CommandIo & { file: string }): Promise<number> {
  return runCommand({ usage, flags: ['check', 'print'], args, io }, async ({ check, print }) => {
    const schema = await schemaOfMigrations(directUrl(io.env))
    if (print) return io.out(schema)
    const upToDate = (await readFile(io.file, 'utf8').catch(nothingYet)) === schema
    if (check && !upToDate) throw new Error('schema.sql is out of date: npm run schema')
    if (!upToDate) await writeFile(io.file, schema)
    io.out(upToDate ? 'schema.sql is up to date.\n' : 'schema.sql is written.\n')
  })
}

/** The schema that the migrations make in an empty database. */
async function schemaOfMigrations(url: string): Promise<string> {
  return withScratchDatabase(url, async (scratchUrl) => {
    await migrate({ url: scratchUrl, log: silent })
    const client = await connected(scratchUrl)
    try {
      return await schemaText(async (sql) => (await client.query(sql)).rows)
    } finally {
      await client.end()
    }
  })
}

const silent = { info: () => {}, warn: () => {} }

function nothingYet(error: NodeJS.ErrnoException): null {
  if (error.code !== 'ENOENT') throw error
  return null
}
