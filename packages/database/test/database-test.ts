import type { Tracing } from '@airlock/domain'
import { isolatedDatabase } from '@airlock/testkit'
import { Client } from 'pg'
import { test as base } from 'vitest'
import { type Database, type DatabaseLog, openDatabase } from '../src/index.ts'

export const silent: DatabaseLog = { info: () => {}, warn: () => {} }

export const openAt = (
  url: string,
  options: { poolSize?: number; statementTimeoutMs?: number; log?: DatabaseLog; tracing?: Tracing } = {},
): Promise<Database> =>
  openDatabase({
    url,
    poolSize: 10,
    statementTimeoutMs: 5000,
    connectTimeoutMs: 3000,
    applicationName: 'airlock-tests',
    log: silent,
    ...options,
  })

/** One plain connection, closed at the end. */
export async function connected(url: string): Promise<Client> {
  const client = new Client({ connectionString: url })
  await client.connect()
  return client
}

/** Each test has its own empty database. */
export const emptyTest = base
  .extend('log', silent)
  .extend('url', async ({ log: _ }, { onCleanup }) => {
    const { url, drop } = await isolatedDatabase({ empty: true })
    onCleanup(drop)
    return url
  })
  .extend('sql', async ({ url }, { onCleanup }) => {
    const client = await connected(url)
    onCleanup(() => client.end())
    return client
  })

/** Each test file has its own migrated database, which its tests share with separate users. */
export const test = base
  .extend('log', { scope: 'file' }, silent)
  .extend('url', { scope: 'file' }, async ({ log: _ }, { onCleanup }) => {
    const { url, drop } = await isolatedDatabase()
    onCleanup(drop)
    return url
  })
  .extend('database', { scope: 'file' }, async ({ url }, { onCleanup }) => {
    const database = await openAt(url)
    onCleanup(() => database.close())
    return database
  })
  /** The connections of another gateway or worker, with a separate pool. */
  .extend('other', { scope: 'file' }, async ({ url }, { onCleanup }) => {
    const database = await openAt(url)
    onCleanup(() => database.close())
    return database
  })
  .extend('sql', { scope: 'file' }, async ({ url }, { onCleanup }) => {
    const client = await connected(url)
    onCleanup(() => client.end())
    return client
  })
