import { readFile } from 'node:fs/promises'
import type { Client } from 'pg'
import { describe, expect } from 'vitest'
import { schemaText } from '../../src/commands/schema-text.ts'
import { DatabaseUnavailable, migrate, revertLastMigration } from '../../src/index.ts'
import { migrations } from '../../src/migrations/index.ts'
import { openAt, silent, emptyTest as test } from '../database-test.ts'
import { parked, received } from '../samples.ts'

const schemaOf = (sql: Client) => schemaText(async (text) => (await sql.query(text)).rows)
const written = readFile(new URL('../../schema.sql', import.meta.url), 'utf8')

async function revertAll(url: string): Promise<(string | null)[]> {
  const reverted: (string | null)[] = []
  for (const _ of migrations) reverted.push(await revertLastMigration({ url, log: silent }))
  return reverted
}

test('up, down and up again on an empty database result in schema.sql', async ({ url, sql }) => {
  const empty = await schemaOf(sql)
  const names = await migrate({ url, log: silent })
  expect(names).toHaveLength(migrations.length)
  expect(await schemaOf(sql)).toBe(await written)

  expect(await revertAll(url)).toEqual(names.toReversed())
  expect(await schemaOf(sql)).toBe(empty)
  expect(await revertLastMigration({ url, log: silent })).toBeNull()

  await migrate({ url, log: silent })
  expect(await schemaOf(sql)).toBe(await written)
})

test('schema.sql can be run, and results in the same schema', async ({ sql }) => {
  await sql.query(await written)
  expect(await schemaOf(sql)).toBe(await written)
})

test('ten concurrent migrations do the work of one', async ({ url, sql }) => {
  const ran = await Promise.all(Array.from({ length: 10 }, () => migrate({ url, log: silent })))
  expect(ran.filter((names) => names.length > 0)).toHaveLength(1)
  expect(await schemaOf(sql)).toBe(await written)
})

test('waiting for a concurrent migration ends at a timeout', async ({ url, sql }) => {
  const waits: string[] = []
  const migrating = () => migrate({ url, log: { ...silent, info: (_fields, message) => waits.push(message) }, lockTimeoutMs: 250 })
  await migrating()
  const locks = async () => {
    const { rows } = await sql.query(
      `select objid from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`,
    )
    return rows
  }
  // the lock is released with its connection, which the server may notice a little later
  await expect.poll(locks, { timeout: 5000 }).toEqual([])

  await sql.query('select pg_advisory_lock(4128775601)')
  await expect(migrating()).rejects.toThrow(DatabaseUnavailable)
  expect(waits).toEqual(['waiting for another process that migrates this database'])
})

test('a failed migration is rolled back, and the next run continues from there', async ({ url, sql }) => {
  await sql.query('create table assets (id integer)')
  await expect(migrate({ url, log: silent })).rejects.toThrow('relation "assets" already exists')
  await sql.query('drop table assets')
  expect((await migrate({ url, log: silent })).at(0)).toBe('CreateAssets1795478400004')
  expect(await schemaOf(sql)).toBe(await written)
})

test('migrating without Postgres fails with the reason', async () => {
  await expect(migrate({ url: 'postgresql://127.0.0.1:1/airlock', log: silent })).rejects.toThrow(DatabaseUnavailable)
})

test('counts of failed inspections move from the texts of earlier workers to their column', {
  meta: { id: 'migration-carries-failed-inspections' },
}, async ({ url, sql }) => {
  await migrate({ url, log: silent })
  const database = await openAt(url)
  const [failing, other] = [await received(database), await received(database)]
  const { uploadId } = await parked(database)
  await database.close()
  let reverted: string | null
  do reverted = await revertLastMigration({ url, log: silent })
  while (reverted !== null && reverted !== 'CarryFailedInspections1795478400028')
  expect(reverted).not.toBeNull()
  const fails = (id: string, fault: string) => sql.query('update uploads set last_fault = $2 where id = $1', [id, fault])
  await fails(failing.id, 'inspection failed 2×: took longer than 60 s\nand no verdict')
  await fails(other.id, 'StoreUnavailable: inspection failed 2×: no')
  await fails(uploadId, 'inspection failed 3×: ended with SIGSEGV')

  await migrate({ url, log: silent })

  const { rows } = await sql.query('select id, failed_inspections as count, last_fault as fault from uploads')
  expect(rows).toHaveLength(3)
  expect(rows).toEqual(
    expect.arrayContaining([
      { id: failing.id, count: 2, fault: 'InspectionFailed: took longer than 60 s\nand no verdict' },
      { id: other.id, count: 0, fault: 'StoreUnavailable: inspection failed 2×: no' },
      { id: uploadId, count: 3, fault: 'InspectionFailed: ended with SIGSEGV' },
    ]),
  )
})

describe('a users table that existed before Airlock', () => {
  const product = `create table users (id uuid primary key, email text not null)`
  const ada = '0198a1b2-0000-7000-8000-000000000001'

  test('is not changed by up and down, nor are its rows', async ({ url, sql }) => {
    await sql.query(product)
    await sql.query(`insert into users values ($1, 'ada@example.com')`, [ada])
    const before = await schemaOf(sql)

    await migrate({ url, log: silent })
    await revertAll(url)

    expect(await schemaOf(sql)).toBe(before)
    expect((await sql.query('select * from users')).rows).toEqual([{ id: ada, email: 'ada@example.com' }])
  })

  const incompatible = [
    { what: 'with a number as id', made: 'create table users (id bigint primary key)', found: 'bigint' },
    { what: 'without an id', made: 'create table users (name text primary key)', found: 'missing' },
    { what: 'whose ids may repeat', made: 'create table users (id uuid)', found: 'uuid' },
    { what: 'that is a view', made: 'create view users as select gen_random_uuid() as id', found: 'in a view' },
  ]
  test.for(incompatible)('is refused with its name if it is one $what', async ({ made, found }, { url, sql, expect }) => {
    await sql.query(made)
    await expect(migrate({ url, log: silent })).rejects.toThrow(`The table users exists already, and its id is ${found}.`)
  })
})

test('our users table is kept if other tables refer to it', async ({ url, sql }) => {
  await migrate({ url, log: silent })
  await sql.query('create table teams (owner uuid references users (id))')

  await revertAll(url)

  expect((await sql.query(`select to_regclass('users') as users, to_regclass('uploads') as uploads`)).rows).toEqual([
    { users: 'users', uploads: null },
  ])
})
