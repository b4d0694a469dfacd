import { randomBytes } from 'node:crypto'
import { Client } from 'pg'

/**
 * Makes an empty database beside the one of `url`, and drops it after `work`, whatever happens.
 *
 * @param url of a user that may create databases
 * @param work gets the new database's URL
 */
export async function withScratchDatabase<T>(url: string, work: (scratchUrl: string) => Promise<T>): Promise<T> {
  const name = `airlock_scratch_${randomBytes(6).toString('hex')}`
  const scratchUrl = new URL(url)
  scratchUrl.pathname = `/${name}`

  const server = await connected(url)
  try {
    await server.query(`create database ${name}`)
    try {
      return await work(scratchUrl.href)
    } finally {
      await server.query(`drop database ${name} with (force)`)
    }
  } finally {
    await server.end()
  }
}

/** A single connection, for a statement or two. */
export async function connected(url: string): Promise<Client> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 })
  await client.connect()
  return client
}
