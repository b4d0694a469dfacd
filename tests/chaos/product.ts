import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import type { Arena } from './arena.ts'
import { patiently } from './patiently.ts'

/** Statements of the surrounding product, of operators, and those that simulate time. */
export const deleteUser = 'delete from users where id = $1 returning clock_timestamp() as at'
/** Makes the next delivery attempt due, which may be an hour away. */
export const deliverNow = `update webhook_deliveries set next_attempt_at = now() where state = 'pending'`

/** The documented statement that retries all parked uploads. @param root of the repository */
export const tryParkedAgain = (root: string): string =>
  documented(root, 'docs/troubleshooting.md', /update uploads set state = 'received'[^;]*;/)

/** The documented statements after a restore of an older database. @param root as above */
export const forgetAfterRestore = (root: string): string =>
  documented(root, 'docs/operating.md', /delete from uploads where state = 'receiving';.*?update assets [^;]*;/s)

/** @returns a statement from a page of the documentation */
function documented(root: string, page: string, statement: RegExp): string {
  const found = statement.exec(readFileSync(join(root, page), 'utf8'))
  if (found === null) throw new Error(`${page} does not have the statement ${statement.source}`)
  return found[0]
}

/** Airlock's sessions may be read-only; these are not. */
const options = '-c default_transaction_read_only=off'

/** Repeats a statement until Postgres confirms it. @throws the last of many errors */
export async function insist<Row extends object>(arena: Arena, statement: string, values: readonly unknown[] = []): Promise<Row[]> {
  return patiently(async () => {
    const client = new Client({ connectionString: arena.stack.postgres.url, options, connectionTimeoutMillis: 2000, query_timeout: 60_000 })
    client.on('error', () => {}) // the statement fails too
    try {
      await client.connect()
      return (await client.query<Row>(statement, [...values])).rows
    } finally {
      await client.end().catch(() => {})
    }
  })
}
