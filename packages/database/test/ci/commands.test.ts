import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished } from 'vitest'
import type { CommandIo } from '../../src/commands/command.ts'
import { migrateCommand } from '../../src/commands/migrate.ts'
import { schemaCommand } from '../../src/commands/schema.ts'
import { withScratchDatabase } from '../../src/commands/scratch-database.ts'
import { migrations } from '../../src/migrations/index.ts'
import { connected, emptyTest as test } from '../database-test.ts'

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'airlock schema '))
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}

/** The output and exit code of a command. */
async function run<Io extends Pick<CommandIo, 'env'>>(
  command: (args: string[], io: Io & CommandIo) => Promise<number>,
  args: string[],
  io: Io,
) {
  let [out, err] = ['', '']
  const code = await command(args, {
    ...io,
    out: (text) => {
      out += text
    },
    err: (text) => {
      err += text
    },
  })
  return { code, out, err }
}

test('migrate reports what it did, or that nothing is pending', async ({ url }) => {
  const env = { DATABASE_URL: url }
  const first = await run(migrateCommand, [], { env })
  expect(first).toMatchObject({ code: 0, err: '' })
  expect(first.out.match(/^migrated \w+$/gm)).toHaveLength(migrations.length)
  expect(await run(migrateCommand, [], { env })).toEqual({ code: 0, out: 'The schema is up to date.\n', err: '' })
})

test('migrate --down reverts one migration at a time, down to none', async ({ url }) => {
  const env = { DATABASE_URL: url }
  await run(migrateCommand, [], { env })
  expect(await run(migrateCommand, ['--down'], { env })).toMatchObject({ code: 0, out: `reverted ${migrations.at(-1)?.name}\n` })
  for (let i = 1; i < migrations.length; i += 1) await run(migrateCommand, ['--down'], { env })
  expect(await run(migrateCommand, ['--down'], { env })).toMatchObject({ code: 0, out: 'There is no migration to revert.\n' })
})

test('migrate uses the direct URL instead of the pooler', async ({ url }) => {
  const env = { DATABASE_URL: 'postgresql://127.0.0.1:1/pooler', DATABASE_DIRECT_URL: url }
  expect(await run(migrateCommand, [], { env })).toMatchObject({ code: 0 })
})

test('migrate without a database fails with the reason', async () => {
  expect(await run(migrateCommand, [], { env: {} })).toMatchObject({ code: 1, err: expect.stringContaining('DATABASE_URL is missing') })
  expect(await run(migrateCommand, [], { env: { DATABASE_URL: 'postgresql://127.0.0.1:1/airlock' } })).toMatchObject({
    code: 1,
    err: expect.stringContaining('Postgres is unavailable'),
  })
})

test('schema.sql matches the migrations', async ({ url }) => {
  const file = fileURLToPath(new URL('../../schema.sql', import.meta.url))
  const printed = await run(schemaCommand, ['--print'], { env: { DATABASE_URL: url }, file })
  expect(printed).toEqual({ code: 0, out: await readFile(file, 'utf8'), err: '' })
})

test('schema writes the file once, and --check only compares', async ({ url }) => {
  const io = { env: { DATABASE_URL: url }, file: join(await newFolder(), 'schema.sql') }
  const outOfDate = { code: 1, err: 'schema.sql is out of date: npm run schema\n' }
  expect(await run(schemaCommand, ['--check'], io)).toMatchObject(outOfDate)
  expect(await run(schemaCommand, [], io)).toMatchObject({ code: 0, out: 'schema.sql is written.\n' })
  expect(await run(schemaCommand, [], io)).toMatchObject({ code: 0, out: 'schema.sql is up to date.\n' })
  expect(await run(schemaCommand, ['--check'], io)).toMatchObject({ code: 0 })
  await writeFile(io.file, 'create table other ();\n')
  expect(await run(schemaCommand, ['--check'], io)).toMatchObject(outOfDate)
})

test("a schema file that can't be read is an error", async ({ url }) => {
  const io = { env: { DATABASE_URL: url }, file: await newFolder() }
  expect(await run(schemaCommand, ['--check'], io)).toMatchObject({ code: 1, err: expect.stringContaining('EISDIR') })
})

test('a scratch database is dropped, even if the work in it failed', async ({ url }) => {
  let scratch = ''
  const work = withScratchDatabase(url, async (scratchUrl) => {
    scratch = scratchUrl
    throw new Error('out of ideas')
  })
  await expect(work).rejects.toThrow('out of ideas')
  await expect(connected(scratch)).rejects.toMatchObject({ code: '3D000' })
})
