import { execFile } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { urlOfDatabase, withPostgres } from '@airlock/dev-servers'
import type pg from 'pg'
import { givenStack, type TestStack } from './test-stack.ts'

type Postgres = TestStack['postgres']

const onServer = <T>(url: string, work: (server: pg.Client) => Promise<T>) => withPostgres(url, work, 60_000)

export type IsolatedDatabase = Awaited<ReturnType<typeof isolatedDatabase>>

/**
 * Creates a database on this run's Postgres for the caller alone.
 *
 * @param empty without the schema, for tests of migrations; otherwise a copy of a migrated template, which takes a fifth of the time of migrating
 */
export async function isolatedDatabase({ empty = false } = {}) {
  const { postgres } = givenStack()
  // template0 and the templates of the run have no connections, as Postgres requires of a template.
  const template = empty ? 'template0' : await migratedTemplate(postgres)
  const name = `airlock_test_${randomUUID().replaceAll('-', '')}`
  await onServer(postgres.url, (server) => server.query(`create database ${name} template ${template}`))
  return {
    url: urlOfDatabase(postgres.url, name),
    /** Removes the database and closes open connections to it. */
    drop: () => onServer(postgres.url, async (server) => void (await server.query(`drop database if exists ${name} with (force)`))),
  }
}

/** In the order of foreign keys; events and purges last, because deleting an asset writes both. */
const tables = [
  ...['brand_product_images', 'brand_image_lists', 'asset_access_log', 'assets', 'uploads', 'lane_turns', 'idempotency_keys', 'users'],
  ...['webhook_deliveries', 'webhook_endpoints', 'events', 'event_relay', 'event_sequences', 'purges', 'sweeper'],
]

/** Deletes all rows of a database. For the few rows of a test, truncating would take fifty times as long, because it creates all files anew. */
export async function deleteAllRows(sql: Pick<pg.Client, 'query'>): Promise<void> {
  await sql.query(tables.map((table) => `delete from ${table}`).join('; '))
}

/** Removes the templates of a run. */
export function dropTemplates({ url, templatePrefix }: Postgres): Promise<void> {
  return onServer(url, async (server) => {
    const found = 'select datname from pg_database where starts_with(datname, $1)'
    const { rows } = await server.query<{ datname: string }>(found, [templatePrefix])
    for (const { datname } of rows) await server.query(`drop database if exists ${datname} with (force)`)
  })
}

/**
 * A database with the schema of the current migrations, created by the first test file that needs it. The guards edit migrations between runs, so each
 * state of the migrations has its own template.
 *
 * @returns its name
 */
async function migratedTemplate({ url, templatePrefix }: Postgres): Promise<string> {
  const name = `${templatePrefix}_${hashOf(join(database, 'migrations'))}`
  await onServer(url, async (server) => {
    await server.query('select pg_advisory_lock(hashtext($1))', [name]) // released when the connection ends
    const { rowCount } = await server.query('select from pg_database where datname = $1', [name])
    if (rowCount !== 0) return
    await server.query(`create database ${name} template template0`)
    const env = { PATH: process.env.PATH, DATABASE_URL: urlOfDatabase(url, name) }
    await promisify(execFile)(process.execPath, [join(database, 'migrate.ts')], { env, timeout: 60_000 })
  })
  return name
}

const database = fileURLToPath(new URL('../../database/src/', import.meta.url))

function hashOf(folder: string): string {
  const hash = createHash('sha256')
  for (const file of readdirSync(folder).sort()) hash.update(readFileSync(join(folder, file)))
  return hash.digest('hex').slice(0, 16)
}
