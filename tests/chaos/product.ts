import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import type { Arena } from './arena.ts'
import { patiently } from './patiently.ts'

/** Statements by which the product around Airlock, an operator and time itself change the tables. */
export const deleteUser = 'delete from users where id = $1 returning clock_timestamp() as at'
/** The next attempt is not waited for, which may be an hour away. */
export const deliverNow = `update webhook_deliveries set next_attempt_at = now() where state = 'pending'`

/** What operators run to have all parked uploads tried again. @param root of the clone, whose documentation says it */
export const tryParkedAgain = (root: string): string =>
  documented(root, 'docs/troubleshooting.md', /update uploads set state = 'received'[^;]*;/)

/** What operators run when an older database is back. @param root as above */
export const forgetAfterRestore = (root: string): string =>
  documented(root, 'docs/operating.md', /delete from uploads where state = 'receiving';.*?update assets [^;]*;/s)

/** @returns a statement as a page of the documentation has it */
function documented(root: string, page: string, statement: RegExp): string {
  const found = statement.exec(readFileSync(join(root, page), 'utf8'))
  if (found === null) throw new Error(`${page} does not have the statement ${statement.source}`)
  return found[0]
}

/** Read-only is what Airlock's sessions are made; these change what they like. */
const options = '-c default_transaction_read_only=off'

/** Runs a statement, again until Postgres has confirmed it. @throws what Postgres said to the last of many tries */
export async function insist<Row extends object>(arena: Arena, statement: string, values: readonly unknown[] = []): Promise<Row[]> {
  return patiently(async () => {
    const client = new Client({ connectionString: arena.stack.postgres.url, options, connectionTimeoutMillis: 2000, query_timeout: 60_000 })
    client.on('error', () => {}) // the statement fails by it as well
    try {
      await client.connect()
      return (await client.query<Row>(statement, [...values])).rows
    } finally {
      await client.end().catch(() => {})
    }
  })
}
