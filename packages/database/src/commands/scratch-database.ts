import { randomBytes } from 'node:crypto'
import { Client } from 'pg'

/**
 * Creates an empty database on the server of `url`, and drops it after `work`, also if `work` fails.
 *
 * @param url with a user that may create databases
 * @param work receives the URL of the new database
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

/** Opens a single connection. */
export async function connected(url: string): Promise<Client> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 })
  await client.connect()
  return client
}
