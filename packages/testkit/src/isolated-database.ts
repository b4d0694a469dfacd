import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { givenStack } from './test-stack.ts'

export interface IsolatedDatabase {
  readonly url: string
  /** Removes the database, ending the connections that are still open. */
  drop(): Promise<void>
}

/** Makes an empty database of the caller's own on this run's Postgres. */
export async function isolatedDatabase(): Promise<IsolatedDatabase> {
  const server = givenStack().postgres.url
  const name = `airlock_test_${randomUUID().replaceAll('-', '')}`
  // template0: nobody is ever connected to it, which Postgres asks of a template
  await onServer(server, `create database ${name} template template0`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return { url: url.href, drop: () => onServer(server, `drop database if exists ${name} with (force)`) }
}

async function onServer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000, query_timeout: 30_000 })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
